"""What `recommend` found, as a table and in sentences; read from its recommendation.json."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from offmanifold._core.files import read_json
from offmanifold.reports import writing
from offmanifold.reports.cards import COSINE
from offmanifold.reports.ceilings import ceiling_sentence, unreliable
from offmanifold.reports.rows import Table, over_control
from offmanifold.reports.texts import Texts

RECOMMENDATION, OF_ONE = "recommendation.json", "recommendation-{}.json"
Writer = Callable[[float | None], str]


def recommendation_files(objective: str) -> tuple[str, str]:
    """Return the names of the files a recommendation is saved in: the newest, and its objective's.

    >>> recommendation_files("gradient_norm")
    ('recommendation.json', 'recommendation-gradient-norm.json')
    """
    return RECOMMENDATION, OF_ONE.format(objective.replace("_", "-"))


def read_recommendations(folder: Path) -> list[dict[str, Any]]:
    """Return what `recommend` has saved in a folder, an objective each, by name."""
    saved = [read_json(path) for path in sorted(folder.glob(OF_ONE.format("*")))]
    newest = folder / RECOMMENDATION
    return saved or ([read_json(newest)] if newest.is_file() else [])


def recommendation_table(saved: dict[str, Any], language: str = "en") -> Table:
    """Return a row for the standard model and each strength tried, from recommendation.json."""
    t = Texts(language)
    measure = saved["wanted"]["measure"]
    title = t.said(saved["standard"]["value"].get("title") or "") or measure
    write = _writer(saved)
    head = [
        t("sweep.strength"),
        title,
        t("recommend.gain"),
        t("recommend.loss"),
        t("card.accuracy.pgd_l2"),
        t("recommend.acceptable"),
    ]
    usual = saved["standard"]["value"]
    rows = [[t("sweep.standard"), writing.interval(usual, write), *[writing.NONE] * 4]]
    for one in saved["tried"]:
        said = "collapsed" if one["collapsed"] else "yes" if one["acceptable"] else "no"
        rows.append(
            [
                writing.short(one["strength"]),
                writing.interval(one["value"] or {}, write),
                writing.interval(one.get("gain") or {}, _signed(saved)),
                writing.interval(one["accuracy_loss"] or {}, _points),
                writing.interval(one["robust_accuracy"] or {}, writing.percent),
                t(f"recommend.{said}"),
            ]
        )
    if usual.get("controls"):
        head.append(t("recommend.over_control"))
        for row, one in zip(rows, [saved["standard"], *saved["tried"]], strict=True):
            row.append(over_control(one["value"] or {}, t))
    return Table(head, rows)


def recommendation_sentences(saved: dict[str, Any], language: str = "en") -> list[str]:
    """Return the recommendation and its reason in sentences."""
    t = Texts(language)
    wanted, field = saved["wanted"], saved["strength"]
    title = t.said(saved["standard"]["value"].get("title") or "") or wanted["measure"]
    loss = _points(wanted["accuracy_loss"])
    write = _writer(saved)
    if saved["recommended"] is None:
        least = writing.percent(wanted.get("robust_accuracy"))
        return [t(f"recommend.{_failed(saved)}", field=field, loss=loss, least=least)]
    best = next(o for o in saved["tried"] if o["strength"] == saved["recommended"])
    verdict = "best" if saved.get("better_than_standard") else "no_better"
    said = [
        t(
            f"recommend.{verdict}",
            field=field,
            strength=writing.short(best["strength"]),
            title=title,
            value=writing.interval(best["value"], write),
            standard=writing.interval(saved["standard"]["value"], write),
            gain=writing.interval(best.get("gain") or {}, _signed(saved)),
            lost=writing.interval(best["accuracy_loss"] or {}, _points),
            loss=loss,
            n=saved["judged_on"]["n"],
        ),
        t("recommend.model", folder=saved["folder"]),
    ]
    if saved["at_the_edge"]:
        said.append(t("recommend.edge", field=field))
    ceiling = ceiling_sentence(saved["standard"]["value"], t)
    if ceiling and wanted["measure"] == COSINE and unreliable(saved["standard"]["value"]):
        said.append(ceiling)
    return said


def _failed(saved: dict[str, Any]) -> str:
    """Return what no strength tried has: accuracy, robustness, or both in one."""
    allowed = saved["wanted"]["accuracy_loss"]
    kept = [
        one["strength"]
        for one in saved["tried"]
        if not one["collapsed"] and ((one["accuracy_loss"] or {}).get("value") or 0.0) <= allowed
    ]
    if not kept:
        return "none"
    return "fragile" if max(kept) == max(o["strength"] for o in saved["tried"]) else "not_both"


def _points(loss: float | None) -> str:
    """Write an accuracy lost in points, negative where it was won."""
    return writing.percent(loss).removesuffix("\N{NO-BREAK SPACE}%")


def _is_share(saved: dict[str, Any]) -> bool:
    return str(saved["standard"]["value"].get("unit") or "").startswith("share")


def _writer(saved: dict[str, Any]) -> Writer:
    """Return how the wanted measure is written: shares in per cent."""
    return writing.percent if _is_share(saved) else writing.plain


def _signed(saved: dict[str, Any]) -> Writer:
    """Return how a difference of the wanted measure is written: of shares in points."""
    return writing.points if _is_share(saved) else writing.signed
