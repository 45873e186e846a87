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
from matplotlib.patches import Patch

from offmanifold.errors import InputError
from offmanifold.files import write_atomically
from offmanifold.reporting import writing
from offmanifold.reporting.figures import COLOURS, GREY, INK, PERCENT, STYLE, spans
from offmanifold.reporting.sweep_summary import columns_of, points_of, title_of
from offmanifold.reporting.texts import Texts

FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
CONTROLS = ("spectrum_noise", "wrong_image")
SECOND = "#7a4fb5"


def draw_sweep(summary: dict[str, Any], path: Path, language: str = "en") -> Path:
    """Draw every objective side by side to a file (.png, .svg or .pdf), and return its path."""
    figure = figure_of(list(columns_of(summary)), summary, Texts(language))
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


def figure_of(
    columns: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]],
    summary: dict[str, Any],
    t: Texts,
) -> Figure:
    """Return the figure of some objectives, each (method, its points), side by side."""
    step = summary["settings"].get("reference_step")
    control = _better_control(points_of(summary))
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
    points = points_of(summary)
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
            grid[-1, j].set_xlabel(title_of(method, t))
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
