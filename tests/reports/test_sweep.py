"""The page, tables and figure of a sweep say what its summary says, in both languages."""

from pathlib import Path

import pytest

from offmanifold._core.files import write_json
from offmanifold.reports import (
    all_collapsed,
    explains_table,
    sweep_boundaries,
    sweep_ceiling,
    sweep_page,
    sweep_tables,
)
from offmanifold.reports.sweep_figure import figure_of
from offmanifold.reports.sweep_summary import columns_of
from offmanifold.reports.texts import Texts
from offmanifold.sweeps.correlates import LEAST_RUNS, PREDICTORS, explain
from offmanifold.sweeps.runs import read_sweep
from offmanifold.sweeps.summary import summarise
from offmanifold.sweeps.transitions import EVERYWHERE, FROM_THE_FIRST, NOT_AT_THE_LAST, NOWHERE
from sweep_runs import make_run, pgd


def test_a_row_a_strength_the_standard_model_first(summary):
    ((title, table),) = sweep_tables(summary)
    assert title == "pgd: strength eps"
    assert [row[0] for row in table.rows] == ["standard", "0.1", "0.25", "0.5", "1", "2", "4", "8"]
    assert table.rows[-1][1:3] == ["0 (1 of its seeds collapsed)", "Collapsed"]
    assert "0.600 [" in table.rows[-2][5]


def test_the_cosine_stands_beside_its_best_control_and_the_ceiling(tmp_path: Path):
    for eps in (0.5, 1.0):
        make_run(tmp_path, pgd(eps), control=0.4)
    summary = summarise(read_sweep(tmp_path))
    number = summary["methods"][0]["points"][0]["measures"]["alignment.cosine_posterior"]
    number |= {"controls": {"image": {"value": 0.1}}, "z": 12.34, "effect": 0.8}
    ((_, table),) = sweep_tables(summary)
    assert table.header[-1] == "Cosine above its best control"
    assert [row[-1] for row in table.rows] == ["z 12.3, effect 0.800 (the image itself)", "–"]
    assert sweep_ceiling(summary) is None
    number["ceiling"] = {"value": 0.6, "low": 0.55, "high": 0.65}
    assert "agree at 0.600 [0.550, 0.650]: no gradient" in str(sweep_ceiling(summary))
    assert "しか" not in str(sweep_ceiling(summary, "ja"))
    number["ceiling"] = {"value": 0.4, "low": 0.35, "high": 0.45}
    assert "unreliable" in str(sweep_ceiling(summary))


def test_two_variants_of_one_objective_are_told_apart(tmp_path: Path):
    for i in range(LEAST_RUNS):
        for steps in (1, 5):
            make_run(tmp_path / "s", {**pgd(2.0**i), "steps": steps}, cosine=0.1 + 0.03 * i)
    runs = read_sweep(tmp_path / "s")
    summary = {**summarise(runs), "explains": explain(runs)}
    titles = [title for title, _ in sweep_tables(summary)]
    assert titles == ["pgd (steps=1): strength eps", "pgd (steps=5): strength eps"]
    figure = figure_of(list(columns_of(summary)), summary, Texts("en"))
    assert [a.get_xlabel() for a in figure.axes if a.get_xlabel()] == titles
    table = explains_table(summary)
    assert table is not None
    assert table.header[-2:] == [f"pgd (steps={n}): to peak / all" for n in (1, 5)]
    write_json(tmp_path / "summary.json", summary)
    page = sweep_page(tmp_path / "summary.json", tmp_path / "a.html").read_text()
    assert all(f"<h2>{title}</h2>" in page for title in titles)


def test_boundaries_in_words(summary):
    (method,) = summary["methods"]
    on, excessive = sweep_boundaries(method)
    assert on.startswith("Gradients are on the manifold from eps = 0.3")
    assert excessive.startswith(
        "At no strength here with models that did not collapse is accuracy more than 5 points below"
    )
    assert "どの強さでも" in sweep_boundaries(method, "ja")[1]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", ["on_manifold", "excessive"])
def test_what_no_interval_shows_is_said_on_average_with_the_strengths(name, language):
    reasons = (FROM_THE_FIRST, NOT_AT_THE_LAST)
    for reason in reasons:
        border = {"value": None, "reason": reason, "shown": [], "undecided": [0.5, 1.0]}
        (said,) = sweep_boundaries({"strength": "eps", "boundaries": {name: border}}, language)
        assert ("On average" if language == "en" else "平均では") in said
        assert ("no strength" if language == "en" else "なし") in said
        assert "eps = 0.5" in said


@pytest.mark.parametrize(
    ("collapsed", "unfinished", "english", "japanese"),
    [
        ([], [], "at every strength here.", "ここで調べたすべて"),
        ([0], [], "at every strength here with models that did not collapse.", "崩壊しなかった"),
        ([], [0], "at every strength here that has been audited.", "ここまでに監査した"),
        ([1], [0], "here with audited models that did not collapse.", "監査し、崩壊しなかった"),
    ],
)
@pytest.mark.parametrize("name", ["on_manifold", "excessive"])
def test_everywhere_means_where_there_are_models_to_judge(
    name, collapsed, unfinished, english, japanese
):
    border = {"value": None, "reason": EVERYWHERE}
    whole = {"seeds": [0], "collapsed": [], "unfinished": []}
    lacking = {"seeds": [], "collapsed": collapsed, "unfinished": unfinished}
    points = [whole, lacking if collapsed or unfinished else whole]
    method = {"strength": "eps", "points": points, "boundaries": {name: border}}
    assert sweep_boundaries(method)[0].endswith(english)
    assert japanese in sweep_boundaries(method, "ja")[0]
    border["reason"] = NOWHERE
    assert english.removeprefix("at every strength ").rstrip(".") in sweep_boundaries(method)[0]
    assert japanese.removesuffix("すべて") in sweep_boundaries(method, "ja")[0]


def test_a_boundary_that_may_lie_beyond_the_sweep_names_the_strengths_that_are_certain():
    border = {"value": 0.65, "low": None, "high": None, "shown": [], "undecided": [1.0]}
    method = {"strength": "eps", "boundaries": {"excessive": border}}
    (said,) = sweep_boundaries(method)
    assert said.startswith("Accuracy is more than 5 points below")
    assert said.endswith("is shown at no strength, and undecided at eps = 1.")
    border |= {"low": 0.5, "high": 0.8}
    assert "undecided" not in sweep_boundaries(method)[0]


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


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Every run of this sweep collapsed"), ("ja", "すべて崩壊")]
)
def test_a_sweep_of_which_all_collapsed_has_a_page_that_says_so(language, words, tmp_path: Path):
    for eps in (1.0, 2.0):
        make_run(tmp_path / "s", pgd(eps), state="collapsed")
    summary = summarise(read_sweep(tmp_path / "s"))
    ((_, table),) = sweep_tables(summary, language)
    assert [row[2] for row in table.rows] == [Texts(language)("regime.collapsed")] * 2
    write_json(tmp_path / "summary.json", summary)
    page = sweep_page(tmp_path / "summary.json", tmp_path / "a.html", language).read_text()
    assert words in page
    assert "<svg" in page
    assert words in (all_collapsed(summary, language) or "")
    (method,) = summary["methods"]
    first, second = method["points"]
    for more in ({"unfinished": [1]}, {"seeds": [1]}):
        points = [first, {**second, **more}]
        assert all_collapsed({**summary, "methods": [{**method, "points": points}]}) is None


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "7 runs finished, 1 diverged, 2 failed, 3 not yet"), ("ja", "失敗 2 件、未完了 3 件")],
)
def test_the_page_tells_failed_runs_from_those_not_there_yet(summary, tmp_path, language, words):
    saved = tmp_path / "summary.json"
    write_json(saved, {**summary, "runs": {**summary["runs"], "failed": 2, "unfinished": 3}})
    assert words in sweep_page(saved, tmp_path / "a.html", language).read_text()
    runs = {k: n for k, n in summary["runs"].items() if k != "failed"}  # saved by an older version
    write_json(saved, {**summary, "runs": runs})
    assert sweep_page(saved, tmp_path / "a.html", language).is_file()


def test_the_ceiling_of_the_target_is_said(summary, tmp_path: Path):
    saved = tmp_path / "summary.json"
    write_json(saved, summary)
    assert "estimates of the target" not in sweep_page(saved, tmp_path / "a.html").read_text()
    point = summary["methods"][0]["points"][0]["measures"]["alignment.cosine_posterior"]
    with_ceiling = {**point, "ceiling": {"value": 0.523, "low": 0.5, "high": 0.55}}
    measures = {**summary["methods"][0]["points"][0]["measures"]}
    measures["alignment.cosine_posterior"] = with_ceiling
    first = {**summary["methods"][0]["points"][0], "measures": measures}
    methods = [{**summary["methods"][0], "points": [first, *summary["methods"][0]["points"][1:]]}]
    write_json(saved, {**summary, "methods": methods})
    assert "agree at 0.523 [0.500, 0.550]" in sweep_page(saved, tmp_path / "b.html").read_text()


def test_what_goes_with_alignment(summary):
    table = explains_table(summary)
    assert table is not None
    assert len(table.header) == 5
    fraction = next(r for r in table.rows if r[0] == "gradient on the manifold")
    assert fraction[1].startswith(("1.000", "0.9"))
    assert "strength (rank within its method)" in fraction[3]
    assert explains_table({**summary, "explains": []}) is None
    first, *others = summary["explains"]
    few = {**first, "spearman": {**first["spearman"], "n": first["spearman"]["n"] - 1}}
    table = explains_table({**summary, "explains": [few, *others]})
    assert table is not None
    marked = ["runs only" in str(row[0]) for row in table.rows]
    assert marked == [True] + [False] * len(others)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_predictor_has_a_name(summary, language):
    (first, *_) = summary["explains"]
    every = [{**first, "predictor": name} for name in PREDICTORS]
    table = explains_table({**summary, "explains": every}, language)
    assert table is not None
    assert len({row[0] for row in table.rows}) == len(PREDICTORS)
