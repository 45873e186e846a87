"""The figure of theorem 3: noise robustness and risk against the strength, regimes shaded."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib import ticker
from matplotlib.figure import Figure

from offmanifold.reports.figures import COLOURS, INK, STYLE, spans

NAMES = {
    "weak": "weak: ρ > {:g}",
    "bayes-aligned": "Bayes-aligned",
    "excessive": "excessive: risk > {:g}",
}
STRENGTH = "strength λ of the penalty on the gradient"
RHO, RISK = "ρ: off ÷ on the manifold", "excess risk (1: predicts nothing)"
PLAIN = ticker.FuncFormatter(lambda x, _: f"{x:g}")
TITLE = "Ridge regression near a subspace: too little, right, too much"


def draw_regimes(
    points: Sequence[tuple[float, float, float, str]],
    path: Path,
    format: str,
    bounds: tuple[float, float],
) -> None:
    """Draw (strength, ρ, excess risk, regime) points, in order of strength, to a file.

    bounds: ρ above which the regime is weak, excess risk above which it is excessive.
    """
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "theory"}):
        figure = Figure(figsize=(8, 4.2), layout="constrained")
        axes = figure.subplots()
        strengths, rho, risk, regimes = (list(column) for column in zip(*points, strict=True))
        named = dict(NAMES)
        for regime, bound in zip(("weak", "excessive"), bounds, strict=True):
            named[regime] = NAMES[regime].format(bound)
        for left, right, regime in spans(strengths, regimes):
            axes.axvspan(left, right, color=COLOURS[regime], alpha=0.12, linewidth=0)
            axes.text(
                math.sqrt(left * right),
                1.02,
                named[regime],
                color=COLOURS[regime],
                ha="center",
                va="bottom",
                transform=axes.get_xaxis_transform(),
            )
        axes.plot(strengths, rho, color=INK, linewidth=2)
        axes.plot(strengths, risk, color=INK, linewidth=2, linestyle=(0, (4, 2)))
        axes.annotate(RHO, (strengths[1], rho[1]), (0, -24), textcoords="offset points")
        axes.annotate(RISK, (strengths[1], risk[1]), (0, 6), textcoords="offset points")
        axes.set(xscale="log", yscale="log", xlabel=STRENGTH)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PLAIN)
        axes.set_xlim(strengths[0], strengths[-1])
        figure.suptitle(TITLE, fontsize=12)
        metadata = {"Date": None} if format == "svg" else None
        figure.savefig(path, format=format, dpi=150, metadata=metadata)
