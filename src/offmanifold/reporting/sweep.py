"""What a sweep says by strength: tables, a figure and a page, made from its summary.json."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from offmanifold.errors import InputError
from offmanifold.files import read_json, write_atomically, write_text
from offmanifold.reporting import writing
from offmanifold.reporting.figures import COLOURS, GREY, INK, PERCENT, STYLE, spans, svg
from offmanifold.reporting.rows import Table
from offmanifold.reporting.sweep_texts import REASONS
from offmanifold.reporting.texts import Texts

SCHEMA = "offmanifold.sweep-summary/"
FEW = (
    "accuracy.clean",
    "accuracy.pgd_l2",
    "signal.fraction",
    "alignment.on_manifold_fraction",
    "alignment.cosine_posterior",
)
FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
CONTROLS = ("spectrum_noise", "wrong_image")
SECOND = "#7a4fb5"


def read_summary(path: Path | str) -> dict[str, Any]:
    """Return a sweep's summary.json. Raises InputError where it is none."""
    saved = read_json(Path(path))
    if not isinstance(saved, dict) or not str(saved.get("schema", "")).startswith(SCHEMA):
        raise InputError(f"{path} is no summary of a sweep; give the summary.json that sweep made")
    return saved


def sweep_tables(summary: dict[str, Any], language: str = "en") -> list[tuple[str, Table]]:
    """Return a title and a table for every objective: a row a strength, with intervals."""
    t = Texts(language)
    shown = [m for m in FEW if any(m in p["measures"] for p in _points(summary))]
    head = [t("sweep.strength"), t("sweep.seeds"), t("regime"), *(t(f"card.{m}") for m in shown)]
    return [
        (_title(method, t), Table(head, [_row(p, shown, t) for p in points]))
        for method, points in _columns(summary)
    ]


def sweep_boundaries(method: dict[str, Any], language: str = "en") -> list[str]:
    """Return a sentence for each boundary between regimes along one objective's strengths."""
    t = Texts(language)
    return [_sentence(name, b, method["strength"], t) for name, b in method["boundaries"].items()]


def sweep_page(summary: Path | str, out: Path | str, language: str = "en") -> Path:
    """Write a self-contained page of a summary.json: figure, boundaries and table by objective."""
    t, saved = Texts(language), read_summary(summary)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables = sweep_tables(saved, language)
    methods = [
        {
            "name": method["objective"],
            "title": title,
            "boundaries": sweep_boundaries(method, language) if method["boundaries"] else [],
            "figure": svg(_draw([(method, points)], saved, t), f"sweep{i}", title),
            "head": table.header,
            "rows": [
                {"cells": row, "regime": p["regime"]["name"]}
                for row, p in zip(table.rows, points, strict=True)
            ],
        }
        for i, ((method, points), (title, table)) in enumerate(
            zip(_columns(saved), tables, strict=True)
        )
    ]
    html = environment.get_template("sweep.html.jinja").render(
        t=t,
        line=_line(saved, t),
        methods=methods,
        colours=COLOURS,
        explains=explains_table(saved, language),
    )
    write_text(Path(out), html)
    return Path(out)


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
        *(t("explains.method", method=m.replace("_", "-")) for m in methods),
    ]
    rows = []
    for one in found:
        each = [one["by_method"].get(m, {}) for m in methods]
        pairs = [f"{writing.plain(e.get('to_peak'))} / {writing.plain(e.get('all'))}" for e in each]
        rows.append(
            [
                t(f"explains.{one['predictor']}"),
                writing.interval(one["spearman"]),
                writing.interval(one["partial"] or {}),
                *pairs,
            ]
        )
    return Table(head, rows)


def draw_sweep(summary: dict[str, Any], path: Path, language: str = "en") -> Path:
    """Draw every objective side by side to a file (.png, .svg or .pdf), and return its path.

    Accuracy and alignment against strength, and the change along and off the manifold, with the
    regimes shaded: Figure 3 of Srinivas et al. 2023.
    """
    figure = _draw(list(_columns(summary)), summary, Texts(language))
    suffix = path.suffix.removeprefix(".")
    if suffix not in ("png", "svg", "pdf"):
        raise InputError(f"a figure is written as .png, .svg or .pdf, not as {path.name}")
    with matplotlib.rc_context({"svg.hashsalt": "sweep"}):
        write_atomically(path, lambda p: figure.savefig(p, format=suffix, dpi=110))
    return path


@dataclass(frozen=True)
class _Curve:
    """A measure (or one of its controls) along the strengths."""

    measure: str
    word: str
    colour: str
    dashed: bool = False
    control: str | None = None

    def number(self, point: dict[str, Any]) -> dict[str, Any]:
        found = point["measures"].get(self.measure) or {}
        if self.control is not None:
            found = (found.get("controls") or {}).get(self.control) or {}
        return found


def _columns(
    summary: dict[str, Any],
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield every objective with its points, the standard model's first."""
    first = [] if summary["standard"] is None else [summary["standard"]]
    if not summary["methods"]:
        yield {"objective": "erm", "strength": "", "boundaries": {}}, first
    for method in summary["methods"]:
        yield method, [*first, *method["points"]]


def _points(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [point for _, points in _columns(summary) for point in points]


def _title(method: dict[str, Any], t: Texts) -> str:
    name = method["objective"].replace("_", "-")
    return t("sweep.method", objective=name, field=method["strength"])


def _line(summary: dict[str, Any], t: Texts) -> str:
    data, runs = summary["data"], summary["runs"]
    return t(
        "sweep.line",
        data=data.get("name") or data.get("spec") or "",
        n=summary["n"],
        finished=runs["finished"],
        collapsed=runs["collapsed"],
        left=runs["unfinished"],
    )


def _row(point: dict[str, Any], shown: Sequence[str], t: Texts) -> list[str]:
    strength = t("sweep.standard") if point["value"] is None else writing.short(point["value"])
    seeds = str(len(point["seeds"]))
    if point["collapsed"]:
        seeds += t("brackets", text=t("sweep.collapsed", n=len(point["collapsed"])))
    numbers = [writing.interval(point["measures"].get(m) or {}) for m in shown]
    return [strength, seeds, t(f"regime.{point['regime']['name']}"), *numbers]


def _sentence(name: str, boundary: dict[str, Any], field: str, t: Texts) -> str:
    if boundary["value"] is None:
        reason = boundary["reason"]
        said = reason if t.language == "en" else REASONS[reason]
        return t(f"sweep.no_boundary.{name}", reason=said)
    ends = [
        t("sweep.beyond") if boundary[end] is None else writing.short(boundary[end])
        for end in ("low", "high")
    ]
    place = f"{writing.short(boundary['value'])} [{ends[0]}, {ends[1]}]"
    return t(f"sweep.boundary.{name}", field=field, place=place)


def _draw(
    columns: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]],
    summary: dict[str, Any],
    t: Texts,
) -> Figure:
    step = summary["settings"].get("reference_step")
    control = _better_control(_points(summary))
    rows = [
        (
            t("sweep.accuracies"),
            [
                _Curve("accuracy.clean", t("sweep.accuracy"), INK),
                _Curve("accuracy.pgd_l2", t("sweep.attacked"), INK, dashed=True),
            ],
        ),
        (
            t("sweep.alignment"),
            [
                _Curve(FRACTION, t("sweep.fraction"), INK),
                _Curve(FRACTION, t("sweep.control"), GREY, dashed=True, control=control),
                _Curve(COSINE, t("sweep.cosine"), SECOND),
            ],
        ),
        (
            t("sweep.changes", step=writing.short(step) if step else "–"),
            [
                _Curve("robustness.on_change", t("sweep.on"), INK),
                _Curve("robustness.off_change", t("sweep.off"), SECOND),
            ],
        ),
    ]
    points = _points(summary)
    rows = [
        (title, present)
        for title, curves in rows
        if (present := [c for c in curves if any(_known(c, p) for p in points)])
    ]
    wide, high = 5.4 * len(columns), 2.7 * max(1, len(rows)) + 0.5
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(wide, high), layout="constrained")
        grid = figure.subplots(max(1, len(rows)), len(columns), squeeze=False, sharey="row")
        for j, (method, found) in enumerate(columns):
            for i, (title, curves) in enumerate(rows):
                axes = grid[i, j]
                _axes(axes, found, curves)
                if j == 0:
                    axes.set_title(title, loc="left", fontsize=11)
                    axes.legend(
                        loc="best", fontsize=9, frameon=True, framealpha=0.8, edgecolor="none"
                    )
                if i == 0:
                    axes.yaxis.set_major_formatter(PERCENT)
            grid[-1, j].set_xlabel(_title(method, t))
        used = dict.fromkeys(p["regime"]["name"] for p in points)
        patches = [
            Patch(color=COLOURS[name], alpha=0.25, label=t(f"regime.{name}"))
            for name in COLOURS
            if name in used
        ]
        figure.legend(handles=patches, loc="outside upper right", ncols=len(patches), frameon=False)
    return figure


def _known(curve: _Curve, point: dict[str, Any]) -> bool:
    return curve.number(point).get("value") is not None


def _better_control(points: Sequence[dict[str, Any]]) -> str:
    """Return the control of the fraction with the larger mean over the sweep."""

    def mean(control: str) -> float:
        curve = _Curve(FRACTION, "", "", control=control)
        return sum(curve.number(p).get("value") or 0.0 for p in points)

    return max(CONTROLS, key=mean)


def _axes(axes: Axes, points: list[dict[str, Any]], curves: Sequence[_Curve]) -> None:
    """Draw curves along the strengths, the standard model apart at the left."""
    values = [p["value"] for p in points if p["value"] is not None]
    ratio = math.sqrt(values[-1] / values[0]) ** (1 / max(1, len(values) - 1)) if values else 2.0
    first = (values[0] if values else 1.0) / max(1.8, ratio**3)
    xs = [first if p["value"] is None else p["value"] for p in points]
    for left, right, regime in spans(xs, [p["regime"]["name"] for p in points]):
        axes.axvspan(left, right, color=COLOURS[regime], alpha=0.12, linewidth=0)
    for curve in curves:
        for apart, group in itertools.groupby(
            zip(xs, points, strict=True), key=lambda xp: xp[1]["value"] is None
        ):
            _line_of(axes, list(group), curve, None if apart and values else curve.word)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    if xs:
        axes.set_xlim(xs[0] / 1.2, xs[-1] * 1.2)
    axes.grid(axis="y", color="#e6e9ed", linewidth=0.8)


def _line_of(
    axes: Axes, group: list[tuple[float, dict[str, Any]]], curve: _Curve, label: str | None
) -> None:
    known = [(x, curve.number(p)) for x, p in group if _known(curve, p)]
    if not known:
        return
    xs, ys = [x for x, _ in known], [n["value"] for _, n in known]
    low = [n["value"] if n.get("low") is None else n["low"] for _, n in known]
    high = [n["value"] if n.get("high") is None else n["high"] for _, n in known]
    errors = [
        [y - a for y, a in zip(ys, low, strict=True)],
        [b - y for y, b in zip(ys, high, strict=True)],
    ]
    axes.errorbar(
        xs,
        ys,
        yerr=errors,
        color=curve.colour,
        linestyle=(0, (4, 2)) if curve.dashed else "-",
        marker="o",
        markersize=4,
        linewidth=1.6,
        elinewidth=1,
        label=label,
    )


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
