"""The terminal's table: the same few numbers, as strings."""

import json

import pytest

from offmanifold._core.errors import InputError
from offmanifold.measures import measures
from offmanifold.reports import controlled_table, table


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


def test_what_has_controls_is_told_with_the_best_of_them_z_effect_and_ceiling(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a")
    audit = json.loads((folder / "audit.json").read_text())
    name = "alignment.on_manifold_fraction"
    number = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "title": measures[name].title}
    controls = {"white_noise": {"value": 0.1}, "untrained": {"value": 0.2}}
    number |= {"controls": controls, "difference": {"value": 0.3, "against": "untrained"}}
    audit["measures"] = {
        name: {**number, "z": 4.251, "effect": 1.5, "ceiling": {"value": 0.8}},
        "accuracy.clean": {"value": 1.0, "title": "A"},
    }
    header, rows = controlled_table(audit)
    assert header == ["Measure", "Model", "Value", "Best control", "z", "Effect", "Ceiling"]
    best = "untrained network: 0.200"
    assert rows == [
        [measures[name].title, "pgd-1.0", "0.500 [0.400, 0.600]", best, "4.3", "1.500", "0.800"]
    ]
    assert controlled_table(audit, "ja").rows[0][0] == "勾配のうちデータ多様体上にある割合"
    audit["measures"] = {"accuracy.clean": {"value": 1.0, "title": "A"}}
    assert controlled_table(audit).rows == []


def test_unknown_language(comparison):
    with pytest.raises(InputError, match="language"):
        table(comparison, "fr")
