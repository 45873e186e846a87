"""The figure of a sweep: accuracy, alignment and change against strength, regimes shaded.

Figure 3 of Srinivas et al. 2023, for any objectives.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import offset_copy

from offmanifold._core.files import FIGURES, check_suffix, target, write_atomically, write_text
from offmanifold.reports import writing
from offmanifold.reports.figures import (
    COLOURS,
    GREY,
    INK,
    PERCENT,
    STYLE,
    save_as_text,
    spans,
    standalone_svg,
)
from offmanifold.reports.fonts import japanese_family, style_of
from offmanifold.reports.sweep_summary import columns_of, points_of, title_of
from offmanifold.reports.texts import Texts

FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
SECOND = "#7a4fb5"
TICKS = 7  # named strengths at most


def draw_sweep(summary: dict[str, Any], path: str | Path, language: str = "en") -> Path:
    """Draw every objective side by side to a file (.png, .svg or .pdf), and return its path.

    An .svg names fonts that hold its characters; where a picture would need one that is not
    installed here, its words are English.
    """
    path = Path(path)
    check_suffix(path, FIGURES, "a figure")
    if path.suffix == ".svg":
        figure = figure_of(list(columns_of(summary)), summary, Texts(language))
        write_text(target(path), standalone_svg(figure, "sweep"))
        return path
    if language == "ja" and japanese_family() is None:
        language = "en"
    figure = figure_of(list(columns_of(summary)), summary, Texts(language))
    write_atomically(
        target(path), lambda p: save_as_text(figure, p, format=path.suffix[1:], dpi=110)
    )
    return path


@dataclass(frozen=True)
class _Curve:
    """A measure, or the control that its regime is judged by, along the strengths."""

    measure: str
    word: str
    colour: str
    dashed: bool = False
    control: bool = False

    def number(self, point: dict[str, Any]) -> dict[str, Any]:
        found = point["measures"].get(self.measure) or {}
        if not self.control:
            return found
        judged_by = (point["regime"].get("inputs") or {}).get("control")
        return (found.get("controls") or {}).get(judged_by) or {}


def figure_of(
    columns: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]],
    summary: dict[str, Any],
    t: Texts,
) -> Figure:
    """Return the figure of some objectives, each (method, its points), side by side."""
    step = summary["settings"].get("reference_step")
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
                _Curve(FRACTION, t("sweep.control"), GREY, dashed=True, control=True),
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
    points = points_of(summary)
    rows = [
        (title, present)
        for title, curves in rows
        if (present := [c for c in curves if any(_known(c, p) for p in points)])
    ] or [(t("sweep.accuracies"), [])]  # where all collapsed, regimes are all there is
    wide, high = max(6.4, 5.4 * len(columns)), 3.0 * len(rows) + 0.5
    with matplotlib.rc_context({**STYLE, **style_of(t.language)}):
        figure = Figure(figsize=(wide, high), layout="constrained")
        grid = figure.subplots(len(rows), len(columns), squeeze=False, sharey="row")
        for j, (method, found) in enumerate(columns):
            for i, (title, curves) in enumerate(rows):
                axes = grid[i, j]
                _axes(axes, found, curves, t("sweep.standard"))
                if j == 0:
                    axes.set_title(title, loc="left", fontsize=11, pad=24)
                    _legend(axes, curves)
                if i == 0:
                    axes.yaxis.set_major_formatter(PERCENT)
            grid[-1, j].set_xlabel(title_of(method, t))
        used = dict.fromkeys(p["regime"]["name"] for p in points)
        patches = [
            Patch(color=COLOURS[name], alpha=0.25, label=t(f"regime.{name}"))
            for name in COLOURS
            if name in used
        ]
        if patches:
            words = len(patches)
            figure.legend(handles=patches, loc="outside upper right", ncols=words, frameon=False)
    return figure


def _known(curve: _Curve, point: dict[str, Any]) -> bool:
    return curve.number(point).get("value") is not None


def _legend(axes: Axes, curves: Sequence[_Curve]) -> None:
    """Name the curves above the axes, where they cover nothing."""
    handles = [
        Line2D([], [], color=c.colour, linestyle=_dashes(c), linewidth=1.6, label=c.word)
        for c in curves
    ]
    legend = axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles),
        fontsize=9,
        frameon=False,
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=2.2,
        columnspacing=1.2,
    )
    legend.set_in_layout(False)  # it may reach over its neighbour, where the title's row is free


def _axes(
    axes: Axes, points: list[dict[str, Any]], curves: Sequence[_Curve], standard: str
) -> None:
    """Draw curves along the strengths; the standard model apart at the left, beyond a break."""
    values = [p["value"] for p in points if p["value"] is not None]
    ratio = math.sqrt(values[-1] / values[0]) ** (1 / max(1, len(values) - 1)) if values else 2.0
    apart = max(1.8, ratio**3, (values[-1] / values[0]) ** 0.2 if values else 1.0)
    first = (values[0] if values else 1.0) / apart
    xs = [first if p["value"] is None else p["value"] for p in points]
    for left, right, regime in spans(xs, [p["regime"]["name"] for p in points]):
        axes.axvspan(left, right, color=COLOURS[regime], alpha=0.12, linewidth=0)
    for curve in curves:
        for _, group in itertools.groupby(
            zip(xs, points, strict=True), key=lambda xp: xp[1]["value"] is None
        ):
            _line_of(axes, list(group), curve)
    axes.set_xscale("log")
    if xs:
        edge = max(1.2, (xs[-1] / xs[0]) ** 0.06)
        axes.set_xlim(xs[0] / edge, xs[-1] * edge)
    ticks = {x: writing.short(x) for x in _named(values)}
    if len(xs) > len(values):
        ticks = {first: standard, **ticks}
        if values:
            _break(axes, math.sqrt(first * values[0]))
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.grid(axis="y", color="#e6e9ed", linewidth=0.8)


def _named(values: Sequence[float]) -> list[float]:
    """Return the strengths that have room for a name on a logarithmic axis, the first among them.

    >>> _named([1.0, 1.01, 10.0, 100.0])
    [1.0, 10.0, 100.0]
    """
    if not values:
        return []
    least, named = (values[-1] / values[0]) ** (1 / (TICKS - 0.5)), [values[0]]
    for value in values[1:]:
        if value >= named[-1] * least:
            named.append(value)
    return named


def _break(axes: Axes, x: float) -> None:
    """Mark that the axis is broken at x."""
    figure: Any = axes.figure
    for shift in (-2.5, 2.5):  # points
        place = offset_copy(axes.get_xaxis_transform(), figure, x=shift, units="points")
        stroke = [(-0.5, -1.0), (0.5, 1.0)]
        axes.plot([x], [0], marker=stroke, markersize=9, color=GREY, transform=place, clip_on=False)


def _dashes(curve: _Curve) -> Any:
    return (0, (4, 2)) if curve.dashed else "-"


def _line_of(axes: Axes, group: list[tuple[float, dict[str, Any]]], curve: _Curve) -> None:
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
        linestyle=_dashes(curve),
        marker="o",
        markersize=4,
        linewidth=1.6,
        elinewidth=1,
    )
