"""A recommendation in words and numbers, in both languages."""

from pathlib import Path

import pytest

from offmanifold._core.files import write_json
from offmanifold.reports import recommendation_sentences, recommendation_table, sweep_page
from offmanifold.reports.recommendation import RECOMMENDATION, recommendation_files


def number(value: float) -> dict:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def recommendation(best: float | None, *, edge: bool = False, better: bool = True) -> dict:
    return {
        "objective": {"name": "pgd"},
        "strength": "eps",
        "wanted": {"measure": "alignment.cosine_posterior", "accuracy_loss": 0.02},
        "judged_on": {"split": "val", "n": 200},
        "recommended": best,
        "better_than_standard": better,
        "at_the_edge": edge,
        "folder": "runs/x",
        "standard": {"value": {**number(0.1), "title": "Cosine"}},
        "tried": [
            {
                "strength": s,
                "acceptable": s < 4,
                "collapsed": False,
                "value": number(0.2),
                "gain": number(0.1),
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
    table = recommendation_table(recommendation(1.0), language)
    assert [row[0] for row in table.rows][1:] == ["1", "4"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("lost", "named", "unnamed"),
    [
        ((0.0, 0.01), ["--start", "--robust-accuracy", "90.0"], ["--accuracy-loss"]),
        ((0.0, 0.5), ["--robust-accuracy", "--accuracy-loss"], ["--start"]),
        ((0.4, 0.5), ["--start", "--accuracy-loss"], ["--robust-accuracy"]),
    ],
)
def test_what_fails_decides_what_is_advised(lost, named, unnamed, language):
    saved = recommendation(None)
    saved["wanted"]["robust_accuracy"] = 0.9
    for one, loss in zip(saved["tried"], lost, strict=True):
        one["accuracy_loss"], one["acceptable"] = number(loss), False
    (said,) = recommendation_sentences(saved, language)
    assert all(words in said for words in named)
    assert not any(words in said for words in unnamed)
    higher = {"en": "start higher", "ja": "大きい値から"}[language]
    assert (higher in said) == (lost == (0.0, 0.01))


@pytest.mark.parametrize(
    ("language", "words"), [("en", "is shown to be better"), ("ja", "示せたものはありません")]
)
def test_a_best_strength_no_better_than_the_standard_model_is_said_to_be_so(language, words):
    said = recommendation_sentences(recommendation(1.0, better=False), language)
    assert words in said[0]
    assert "eps = 1" in said[0]
    assert words not in recommendation_sentences(recommendation(1.0), language)[0]


def test_accuracies_are_written_in_points_throughout():
    saved = recommendation(1.0)
    (said, *_) = recommendation_sentences(saved)
    assert "accuracy lost 1.0 [0.0, 2.0] points, where 2.0 are allowed" in said
    row = recommendation_table(saved).rows[1]
    assert row[1:5] == [
        "0.200 [0.190, 0.210]",
        "+0.100 [+0.090, +0.110]",
        "1.0 [0.0, 2.0]",
        "50.0\xa0% [49.0\xa0%, 51.0\xa0%]",
    ]
    saved["standard"]["value"]["unit"] = "share"
    assert recommendation_table(saved).rows[0][1] == "10.0\xa0% [9.0\xa0%, 11.0\xa0%]"


def test_the_best_control_and_an_unreliable_target_are_told():
    saved = recommendation(1.0)
    aligned = {"controls": {"image": number(0.03)}, "z": 10.12, "effect": 0.7153}
    saved["standard"]["value"] |= {**aligned, "ceiling": number(0.44)}
    saved["tried"][0]["value"] |= aligned
    table = recommendation_table(saved)
    assert [row[-1] for row in table.rows] == [
        "z 10.1, effect 0.715 (the image itself)",
        "z 10.1, effect 0.715 (the image itself)",
        "–",
    ]
    assert "agree at 0.440 [0.430, 0.450] only" in recommendation_sentences(saved)[-1]
    assert "信頼できず" in recommendation_sentences(saved, "ja")[-1]
    saved["wanted"]["measure"] = "alignment.ssim_posterior"  # of which .5 says nothing
    assert len(recommendation_sentences(saved)) == 2
    saved["wanted"]["measure"] = "alignment.cosine_posterior"
    saved["standard"]["value"]["ceiling"] = number(0.9)
    assert len(recommendation_sentences(saved)) == 2


def test_the_page_tells_the_recommendation_of_every_objective(summary, tmp_path: Path):
    write_json(tmp_path / "summary.json", summary)
    for objective, best in (("pgd", 1.0), ("noise", 4.0)):
        saved = {**recommendation(best), "objective": {"name": objective}}
        for name in recommendation_files(objective):
            write_json(tmp_path / name, saved)
    page = sweep_page(tmp_path / "summary.json", tmp_path / "a.html").read_text()
    assert "Recommendation (pgd)" in page
    assert "Recommendation (noise)" in page
    assert page.count("<h2>Recommendation") == 2


def test_the_page_of_its_runs_says_the_same(summary, tmp_path: Path):
    saved = recommendation(1.0, better=False)
    write_json(tmp_path / "summary.json", summary)
    write_json(tmp_path / RECOMMENDATION, saved)
    page = sweep_page(tmp_path / "summary.json", tmp_path / "a.html").read_text()
    for sentence in recommendation_sentences(saved):
        assert sentence in page
