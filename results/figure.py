"""The figure of a result: every run, its accuracy and robustness, its alignment and controls."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from offmanifold.reports.figures import COLOURS

FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
PANELS = [
    ("Accuracy (filled) and under attack (open)", ["accuracy.clean", "accuracy.pgd_l2"]),
    ("Gradient on the manifold; grey: controls", [FRACTION]),
    ("Cosine to posterior score; grey: controls", [COSINE]),
    ("ρ: noise response off ÷ on, log scale", ["robustness.rho_relative"]),
]


def draw(comparison: dict[str, Any], path: Path) -> None:
    """Write a PNG with one row a run; bars are 95 % intervals over images."""
    audits = comparison["audits"]
    figure, axes = plt.subplots(1, 4, figsize=(13, 1.2 + 0.36 * len(audits)), sharey=True)
    for axis, (title, names) in zip(axes, PANELS, strict=True):
        for row, audit in enumerate(audits):
            colour = COLOURS[audit["regime"]["name"]]
            for name, filled in zip(names, (True, False), strict=False):
                number = audit["measures"].get(name)
                if number is None or number["value"] is None:
                    continue
                for control in number.get("controls", {}).values():
                    axis.plot(control["value"], row, "|", color="#9ca3af", ms=9, mew=1.5)
                error = [[number["value"] - number["low"]], [number["high"] - number["value"]]]
                face = colour if filled else "white"
                axis.errorbar(
                    number["value"], row, xerr=error, fmt="o", color=colour, mfc=face, ms=6
                )
        axis.set_title(title, fontsize=8.5, loc="left")
        axis.grid(axis="x", color="#e5e7eb")
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(left=False, labelsize=9)
    axes[0].set_yticks(range(len(audits)), [a["label"] for a in audits])
    axes[0].invert_yaxis()
    axes[0].set_xlim(-0.02, 1.02)
    axes[1].set_xlim(0, 1.02)
    axes[3].set_xscale("log")
    used = sorted({a["regime"]["name"] for a in audits})
    handles = [Line2D([], [], marker="o", ls="", color=COLOURS[n], label=n) for n in used]
    figure.legend(handles=handles, loc="lower right", ncols=len(used), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)
