"""A recommendation in words and numbers, in both languages."""

import pytest

from offmanifold.reporting import recommendation_sentences, recommendation_table


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
