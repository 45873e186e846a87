"""What `recommend` found, as a table and in sentences; read from its recommendation.json."""

from typing import Any

from offmanifold.reporting import writing
from offmanifold.reporting.rows import Table
from offmanifold.reporting.texts import Texts


def recommendation_table(saved: dict[str, Any], language: str = "en") -> Table:
    """Return a row for the standard model and each strength tried, from recommendation.json."""
    t = Texts(language)
    measure = saved["wanted"]["measure"]
    title = t.own(saved["standard"]["value"], "title") or measure
    head = [
        t("sweep.strength"),
        title,
        t("recommend.loss"),
        t("card.accuracy.pgd_l2"),
        t("recommend.acceptable"),
    ]
    rows = [[t("sweep.standard"), writing.interval(saved["standard"]["value"]), "–", "–", "–"]]
    for one in saved["tried"]:
        numbers = [one[key] or {} for key in ("value", "accuracy_loss", "robust_accuracy")]
        said = "collapsed" if one["collapsed"] else "yes" if one["acceptable"] else "no"
        rows.append(
            [
                writing.short(one["strength"]),
                *(writing.interval(n) for n in numbers),
                t(f"recommend.{said}"),
            ]
        )
    return Table(head, rows)


def recommendation_sentences(saved: dict[str, Any], language: str = "en") -> list[str]:
    """Return the recommendation and its reason in sentences."""
    t = Texts(language)
    wanted, field = saved["wanted"], saved["strength"]
    title = t.own(saved["standard"]["value"], "title") or wanted["measure"]
    loss = writing.percent(wanted["accuracy_loss"])
    if saved["recommended"] is None:
        return [t("recommend.none", field=field, loss=loss)]
    best = next(o for o in saved["tried"] if o["strength"] == saved["recommended"])
    said = [
        t(
            "recommend.best",
            field=field,
            strength=writing.short(best["strength"]),
            title=title,
            value=writing.interval(best["value"]),
            standard=writing.interval(saved["standard"]["value"]),
            lost=writing.interval(best["accuracy_loss"] or {}),
            loss=loss,
            n=saved["judged_on"]["n"],
        ),
        t("recommend.model", folder=saved["folder"]),
    ]
    if saved["at_the_edge"]:
        said.append(t("recommend.edge", field=field))
    return said
