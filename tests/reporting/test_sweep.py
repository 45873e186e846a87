"""The page, tables and figure of a sweep say what its summary says, in both languages."""

from pathlib import Path

import pytest

from offmanifold.errors import InputError
from offmanifold.explaining import explain
from offmanifold.files import write_json
from offmanifold.reporting import (
    draw_sweep,
    explains_table,
    read_summary,
    recommendation_sentences,
    recommendation_table,
    sweep_boundaries,
    sweep_page,
    sweep_tables,
)
from offmanifold.strengths import summarise
from offmanifold.sweeping import read_sweep
from sweeps import make_run, pgd


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root = tmp_path_factory.mktemp("sweep")
    make_run(root, {"name": "erm"}, fraction=0.35, cosine=0.1)
    for i, eps in enumerate((0.1, 0.25, 0.5, 1.0, 2.0, 4.0)):
        make_run(root, pgd(eps), fraction=0.3 + 0.06 * i, cosine=0.1 + 0.03 * i)
    make_run(root, pgd(8.0), state="collapsed")
    runs = read_sweep(root)
    return {**summarise(runs), "explains": explain(runs)}


def test_a_row_a_strength_the_standard_model_first(summary):
    ((title, table),) = sweep_tables(summary)
    assert title == "pgd: strength eps"
    assert [row[0] for row in table.rows] == ["standard", "0.1", "0.25", "0.5", "1", "2", "4", "8"]
    assert table.rows[-1][1:3] == ["0 (1 of its seeds collapsed)", "Collapsed"]
    assert "0.600 [" in table.rows[-2][5]


def test_boundaries_in_words(summary):
    (method,) = summary["methods"]
    on, excessive = sweep_boundaries(method)
    assert on.startswith("Gradients are on the manifold from eps = 0.3")
    assert "nowhere in the sweep" in excessive
    assert "どの強さでも" in sweep_boundaries(method, "ja")[1]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_is_whole_and_the_same_every_time(summary, tmp_path: Path, language):
    saved = tmp_path / "summary.json"
    write_json(saved, summary)
    one = sweep_page(saved, tmp_path / "a.html", language).read_bytes()
    assert one == sweep_page(saved, tmp_path / "b.html", language).read_bytes()
    text = one.decode()
    assert text.count("<svg") == 1
    assert f'<html lang="{language}">' in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert ("What goes with alignment?" if language == "en" else "整合と関係するのは何か") in text


def test_the_figure_is_drawn_to_the_format_of_its_name(summary, tmp_path: Path):
    assert draw_sweep(summary, tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in draw_sweep(summary, tmp_path / "f.svg").read_bytes()
    with pytest.raises(InputError, match=r"f\.jpg"):
        draw_sweep(summary, tmp_path / "f.jpg")


def test_what_goes_with_alignment(summary):
    table = explains_table(summary)
    assert table is not None
    assert len(table.header) == 4
    fraction = next(r for r in table.rows if r[0] == "gradient on the manifold")
    assert fraction[1].startswith(("1.000", "0.9"))
    assert explains_table({**summary, "explains": []}) is None


def test_a_file_that_is_no_summary(tmp_path: Path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="no summary of a sweep"):
        read_summary(tmp_path / "x.json")


def number(value: float) -> dict:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def recommendation(best: float | None, *, edge: bool = False) -> dict:
    return {
        "strength": "eps",
        "wanted": {"measure": "alignment.cosine_posterior", "accuracy_loss": 0.02},
        "judged_on": {"split": "val", "n": 200},
        "recommended": best,
        "at_the_edge": edge,
        "folder": "runs/x",
        "standard": {"value": {**number(0.1), "title": "Cosine", "title_ja": "コサイン"}},
        "tried": [
            {
                "strength": s,
                "acceptable": s < 4,
                "collapsed": False,
                "value": number(0.2),
                "accuracy_loss": number(0.01 * s),
                "robust_accuracy": number(0.5),
            }
            for s in (1.0, 4.0)
        ],
    }


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_recommendation_names_strength_reason_and_model(language):
    said = recommendation_sentences(recommendation(1.0), language)
    assert "eps = 1" in said[0]
    assert "runs/x" in said[1]
    assert len(recommendation_sentences(recommendation(1.0, edge=True), language)) == 3
    (none,) = recommendation_sentences(recommendation(None), language)
    assert "--accuracy-loss" in none
    table = recommendation_table(recommendation(1.0), language)
    assert [row[0] for row in table.rows][1:] == ["1", "4"]
