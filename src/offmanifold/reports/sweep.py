"""What a sweep says by strength: tables and a page, made from its summary.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offmanifold._core.files import PAGES, check_suffix, target, write_text
from offmanifold._core.reasons import Reason
from offmanifold._core.visible import visible_page
from offmanifold.reports import writing
from offmanifold.reports.catalogue import said
from offmanifold.reports.ceilings import ceiling_sentence
from offmanifold.reports.figures import COLOURS, svg
from offmanifold.reports.recommendation import (
    read_recommendations,
    recommendation_sentences,
    recommendation_table,
)
from offmanifold.reports.rows import Table, over_control
from offmanifold.reports.sweep_figure import figure_of
from offmanifold.reports.sweep_summary import (
    columns_of,
    method_name,
    points_of,
    read_summary,
    title_of,
    typed,
)
from offmanifold.reports.texts import Texts

FEW = (
    "accuracy.clean",
    "accuracy.pgd_l2",
    "signal.fraction",
    "alignment.on_manifold_fraction",
    "alignment.cosine_posterior",
)
COSINE = "alignment.cosine_posterior"
ENDS = ("everywhere", "nowhere", "first", "last")
CERTAIN = ("everywhere", "nowhere")


def sweep_tables(summary: dict[str, Any], language: str = "en") -> list[tuple[str, Table]]:
    """Return a title and a table for every objective: a row a strength, with intervals."""
    t = Texts(language)
    shown = [m for m in FEW if any(m in p["measures"] for p in points_of(summary))]
    head = [t("sweep.strength"), t("sweep.seeds"), t("regime"), *(t(f"card.{m}") for m in shown)]
    head += [t("sweep.over_control")] if COSINE in shown else []
    return [
        (title_of(method, t), Table(head, [_row(p, shown, t) for p in points]))
        for method, points in columns_of(summary)
    ]


def sweep_boundaries(method: dict[str, Any], language: str = "en") -> list[str]:
    """Return a sentence for each boundary between regimes along one objective's strengths."""
    t = Texts(language)
    here = t(f"sweep.here.{_here(method.get('points', ()))}")
    return [
        _sentence(name, b, method["strength"], here, t) for name, b in method["boundaries"].items()
    ]


def all_collapsed(summary: dict[str, Any], language: str = "en") -> str | None:
    """Return the sentence that all runs of a sweep have ended and collapsed, None where not so."""
    ended = all(p["collapsed"] and not p["seeds"] + p["unfinished"] for p in points_of(summary))
    return Texts(language)("sweep.all_collapsed") if ended else None


def sweep_ceiling(summary: dict[str, Any], language: str = "en") -> str | None:
    """Return how far two estimates of the target agree; the same for all models of a sweep."""
    found = (p["measures"].get(COSINE, {}) for p in points_of(summary))
    number = next((n for n in found if n.get("ceiling") is not None), {})
    return ceiling_sentence(number, Texts(language))


def sweep_page(summary: Path | str, out: Path | str, language: str = "en") -> Path:
    """Write a self-contained page of a summary.json: figure, boundaries and table by objective.

    What `recommend` found is said first, of each objective of which it lies beside it.
    """
    check_suffix(Path(out), PAGES, "a page")
    t, saved = Texts(language), read_summary(summary)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables, lost = sweep_tables(saved, language), all_collapsed(saved, language)
    methods = [
        {
            "name": method_name(method),
            "title": title,
            "boundaries": (
                sweep_boundaries(method, language) if method["boundaries"] and not lost else []
            ),
            "figure": svg(figure_of([(method, points)], saved, t), f"sweep{i}", title),
            "head": table.header,
            "rows": [
                {"cells": row, "regime": p["regime"]["name"]}
                for row, p in zip(table.rows, points, strict=True)
            ],
        }
        for i, ((method, points), (title, table)) in enumerate(
            zip(columns_of(saved), tables, strict=True)
        )
    ]
    html = environment.get_template("sweep.html.jinja").render(
        t=t,
        line=_line(saved, t),
        lost=lost,
        methods=methods,
        colours=COLOURS,
        ceiling=sweep_ceiling(saved, language),
        explains=explains_table(saved, language),
        recommended=_recommended(Path(summary).parent, language),
    )
    write_text(target(Path(out)), visible_page(html))
    return Path(out)


def _recommended(folder: Path, language: str) -> list[dict[str, Any]]:
    return [
        {
            "objective": saved["objective"]["name"],
            "sentences": recommendation_sentences(saved, language),
            "table": recommendation_table(saved, language),
        }
        for saved in read_recommendations(folder)
    ]


def explains_table(summary: dict[str, Any], language: str = "en") -> Table | None:
    """Return what goes with alignment over the runs, a row a predictor; None of too few runs."""
    t = Texts(language)
    found = summary.get("explains") or []
    if not found:
        return None
    methods = list(found[0]["by_method"])
    head = [
        t("explains.predictor"),
        t("explains.all"),
        t("explains.partial"),
        t("explains.beyond"),
        *(t("explains.method", method=typed(m)) for m in methods),
    ]
    rows, n = [], max(one["spearman"]["n"] for one in found)
    for one in found:
        seen = one["spearman"]["n"]
        few = t("brackets", text=t("explains.of", seen=seen, n=n)) if seen < n else ""
        each = [one["by_method"].get(m, {}) for m in methods]
        pairs = [f"{writing.plain(e.get('to_peak'))} / {writing.plain(e.get('all'))}" for e in each]
        rows.append(
            [
                t(f"explains.{one['predictor']}") + few,
                writing.interval(one["spearman"]),
                writing.interval(one["partial"] or {}),
                _beyond(one.get("beyond"), t),
                *pairs,
            ]
        )
    return Table(head, rows)


def _beyond(found: dict[str, Any] | None, t: Texts) -> str:
    """Write by how much a predictor beats the best plain one, and which that is."""
    if found is None:
        return writing.NONE
    return f"{writing.interval(found)}{t('brackets', text=t('explains.' + found['against']))}"


def _line(summary: dict[str, Any], t: Texts) -> str:
    data, runs = summary["data"], summary["runs"]
    return t(
        "sweep.line",
        data=data.get("name") or data.get("spec") or "",
        n=summary["n"],
        finished=runs["finished"],
        collapsed=runs["collapsed"],
        failed=runs.get("failed", 0),
        left=runs["unfinished"],
    )


def _row(point: dict[str, Any], shown: Sequence[str], t: Texts) -> list[str]:
    strength = t("sweep.standard") if point["value"] is None else writing.short(point["value"])
    seeds = str(len(point["seeds"]))
    if point["collapsed"]:
        seeds += t("brackets", text=t("sweep.collapsed", n=len(point["collapsed"])))
    numbers = [writing.interval(point["measures"].get(m) or {}) for m in shown]
    if COSINE in shown:
        numbers.append(over_control(point["measures"].get(COSINE) or {}, t))
    return [strength, seeds, t(f"regime.{point['regime']['name']}"), *numbers]


def _shown(name: str, boundary: dict[str, Any], field: str, t: Texts) -> str:
    """Write at which strengths the interval tells, and at which it does not."""
    shown, undecided = (
        f"{field} = {t('and').join(map(writing.short, boundary[key]))}"
        if boundary[key]
        else t("sweep.no_strength")
        for key in ("shown", "undecided")
    )
    return t(f"sweep.shown.{name}", shown=shown, undecided=undecided)


def _here(points: Sequence[dict[str, Any]]) -> str:
    """Return which strengths boundaries speak of: all, or only those with models to judge."""
    collapsed = any(p["collapsed"] for p in points)
    missing = any(p["unfinished"] and not p["seeds"] for p in points)
    if collapsed and missing:
        return "both"
    return "collapsed" if collapsed else "missing" if missing else "all"


def _sentence(name: str, boundary: dict[str, Any], field: str, here: str, t: Texts) -> str:
    if boundary["value"] is None:
        end = boundary["reason"].partition(".")[2]
        if end in ENDS:
            text = t(f"sweep.{end}.{name}", here=here)
            return text if end in CERTAIN else text + _shown(name, boundary, field, t)
        why = said(Reason(boundary["reason"]), t.language)
        return t(f"sweep.unknown.{name}", reason=why)
    ends = [
        t("sweep.beyond") if boundary[end] is None else writing.short(boundary[end])
        for end in ("low", "high")
    ]
    place = f"{writing.short(boundary['value'])} [{ends[0]}, {ends[1]}]"
    text = t(f"sweep.boundary.{name}", field=field, place=place)
    open_ended = None in (boundary["low"], boundary["high"]) and "shown" in boundary
    return text + _shown(name, boundary, field, t) if open_ended else text
