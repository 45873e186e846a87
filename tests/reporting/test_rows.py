"""The terminal's table: the same few numbers, as strings."""

import json

import pytest

from offmanifold.errors import InputError
from offmanifold.reporting import table


def test_one_row_a_model_with_intervals(comparison, models):
    header, rows = table(comparison)
    assert header[:4] == ["Model", "Regime", "Accuracy", "Accuracy under attack (ε\xa0=\xa01)"]
    assert [r[0] for r in rows] == [m[0] for m in models[:4]]
    assert {len(r) for r in rows} == {len(header)}
    assert rows[2][1:4] == ["Bayes-aligned", "0.975 [0.955, 0.993]", "0.750 [0.689, 0.805]"]


def test_japanese_and_null(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a")
    audit = json.loads((folder / "audit.json").read_text())
    audit["measures"]["accuracy.pgd_l2"] |= {"value": None, "low": None, "high": None}
    other = make_audit(tmp_path / "b")
    header, rows = table([other, audit], "ja")
    assert header[0] == "モデル" and rows[0][1] == "ベイズ整合"
    assert rows[1][3] == "–" and rows[0][3] != "–"
    assert [r[0] for r in rows] == ["pgd-1.0", "pgd-1.0 (2)"]


def test_unknown_language(comparison):
    with pytest.raises(InputError, match="language"):
        table(comparison, "fr")
