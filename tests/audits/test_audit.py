"""An audit in the hand: numbers with their controls, a few lines, a table, a drawing."""

from pathlib import Path

import numpy as np
import pytest

from offmanifold import Audit, InputError, read_audit

GOLDEN = Path(__file__).parents[1] / "golden/audit"
COSINE = "alignment.cosine_posterior"


@pytest.fixture(scope="module")
def audit() -> Audit:
    return read_audit(GOLDEN)


def test_a_number_comes_with_its_best_control_difference_and_z(audit):
    cosine, saved = audit[COSINE], audit.json["measures"][COSINE]
    assert cosine.value == saved["value"] and cosine.z == saved["z"]
    name, control = cosine.best_control
    assert (
        name
        == saved["difference"]["against"]
        == max(saved["controls"], key=lambda n: saved["controls"][n]["value"])
    )
    assert control.value == saved["controls"][name]["value"]
    assert cosine.difference.value == pytest.approx(cosine.value - control.value)
    said = str(cosine)
    assert f"{cosine.value:.3f} [" in said and name in said and f"z {cosine.z:.1f}" in said
    assert set(cosine.json()) == {"value", "low", "high", "n", "method", "over", "unit"}


def test_a_measure_that_is_not_there_says_why(audit):
    with pytest.raises(InputError, match=r"alignment.unresolved_fraction.*resolves every pixel"):
        audit["alignment.unresolved_fraction"]
    with pytest.raises(InputError, match="no such measure"):
        audit["alignment.cosin"]


def test_its_repr_is_a_few_lines_and_escaped_in_html(audit):
    lines = repr(audit).splitlines()
    assert 2 <= len(lines) <= 8
    assert audit.label in lines[0] and audit.regime.name in lines[0]
    evil = Audit({**audit.json, "label": "<b>"}, audit.columns, {})
    assert "&lt;b&gt;" in evil._repr_html_() and "<b>" not in evil._repr_html_()


def test_the_table_of_images_has_a_row_an_image(audit):
    table, n = audit.to_pandas(), audit.json["data"]["n"]
    assert list(table.columns[:4]) == ["index", "path", "label", "prediction"]
    assert len(table) == n
    np.testing.assert_array_equal(table[COSINE], audit.images[COSINE])
    assert table["accuracy.clean"].mean() == pytest.approx(audit["accuracy.clean"].value)


def test_a_drawing_names_what_has_controls(audit):
    (axes,) = audit.plot().axes
    assert COSINE in [label.get_text() for label in axes.get_yticklabels()]


def test_its_record_is_typed(audit):
    assert audit.record.measures[COSINE] == audit[COSINE]
    assert audit.record.regime == audit.regime
