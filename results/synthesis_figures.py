"""Pictures of results/synthesis: scores against strength, and images side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch
from scored import ALONE, BEST, COMBINED, COSINE, PLAIN, Entry, Scored, read_pictures
from synthesis_statistics import ASKED, by_strength, cosine_over, over

from offmanifold.reports.figures import COLOURS, INK, spans

ENDS = {ALONE: "model", COMBINED: "model\nand denoiser"}
TITLES = {"pgd": "PGD, ε", "noise": "noise, σ", "gradient_norm": "gradient norm"}


def draw_strengths(models: Sequence[Scored], path: Path) -> None:
    """Draw alignment and scores against strength, a column a method, regimes shaded."""
    methods = by_strength(models)
    drawn = {k: v for k, v in ASKED.items() if k.endswith("psnr") or k.startswith("generate")}
    rows = {COSINE: "cosine to the posterior score", **drawn}
    figure, grid = plt.subplots(
        len(rows),
        len(methods),
        figsize=(4.6 * len(methods), 2.1 * len(rows)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    used: dict[str, None] = {}
    for j, (objective, strengths) in enumerate(methods.items()):
        values = [v for v in strengths if v is not None]
        first = values[0] / max(values[-1] / values[0], 2) ** 0.16  # "standard" takes that room
        points = [(first if v is None else v, seeds) for v, seeds in strengths.items() if seeds]
        xs = [x for x, _ in points]
        names = [seeds[0].entry.regime for _, seeds in points]
        used |= dict.fromkeys(names)
        for i, (score, title) in enumerate(rows.items()):
            axes = grid[i, j]
            for left, right, regime in spans(xs, names):
                axes.axvspan(left, right, color=COLOURS[regime], alpha=0.14, linewidth=0)
            numbers = [cosine_over(s) if score == COSINE else over(s, score) for _, s in points]
            ys, low, high = np.array([(n.value, n.low, n.high) for n in numbers], float).T
            bars = [ys - low, high - ys]
            plain = {"color": INK, "marker": "o", "markersize": 4}
            start = 1 if points[0][0] == first else 0
            axes.errorbar(xs[start:], ys[start:], yerr=[b[start:] for b in bars], **plain)
            if start:
                axes.errorbar(xs[:1], ys[:1], yerr=[b[:1] for b in bars], **plain)
            axes.set_xscale("log")
            ticks = [first, *apart([v for v in values if v > 1.5 * first])]
            axes.set_xticks(ticks, ["standard", *(f"{v:g}" for v in ticks[1:])])
            axes.minorticks_off()
            if j == 0:
                axes.set_title(title, loc="left", fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)
        grid[-1, j].set_xlabel(TITLES.get(objective, objective))
    patches = [Patch(color=COLOURS[name], alpha=0.3, label=name) for name in used]
    figure.legend(handles=patches, loc="outside upper right", ncols=len(patches), frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def apart(values: Sequence[float]) -> list[float]:
    """Return the values that can be written along a logarithmic axis without touching."""
    least = (values[-1] / values[0]) ** 0.12
    kept = list(values[:1])
    for v in values[1:]:
        if v / kept[-1] >= least:
            kept.append(v)
    return kept


def draw_same(place: Path, named: dict[str, Entry], path: Path) -> None:
    """Draw the same images inpainted by a standard, a Bayes-aligned and an excessive model."""
    plain = read_pictures(place, PLAIN)
    rows = [("original", plain["inpaint/original"]), ("given", plain["inpaint/given"])]
    for part, end in ENDS.items():
        for role, entry in named.items():
            if part == ALONE or role == BEST:
                rows += _row(place, entry, part, "inpaint", f"{role} {end}")
    for way, name in (("biharmonic", "no model"), ("denoiser", "no classifier")):
        if f"inpaint/{way}" in plain:
            rows.append((f"{way},\n{name}", plain[f"inpaint/{way}"]))
    _sheet(rows, path)


def draw_made(place: Path, named: dict[str, Entry], path: Path) -> None:
    """Draw one image a class, made by each model."""
    plain = read_pictures(place, PLAIN)
    rows = [("real", plain["generate/real"]), ("seed", plain["generate/seed"])]
    for part, end in ENDS.items():
        for role, entry in named.items():
            rows += _row(place, entry, part, "generate", f"{role} {end}")
    if "generate/denoiser_told" in plain:
        rows.append(("denoiser told\nthe class", plain["generate/denoiser_told"]))
    _sheet(rows, path)


def _row(place: Path, entry: Entry, part: str, task: str, name: str) -> list[tuple[str, Any]]:
    """Return a named row of pictures, in a list that is empty where the part is missing."""
    if not (place / entry.name / f"{part}.json").is_file():
        return []
    return [(name, read_pictures(place, entry.name, part)[f"{task}/{part}"])]


def _sheet(rows: list[tuple[str, Any]], path: Path) -> None:
    """Draw rows of images with a name each."""
    wide = len(rows[0][1])
    figure, grid = plt.subplots(
        len(rows), wide, figsize=(1.9 + 0.75 * wide, 0.78 * len(rows)), squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (name, images) in zip(grid, rows, strict=True):
        for axes, image in zip(line, images, strict=True):
            shown = image.permute(1, 2, 0).numpy()
            axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    share = 1.9 / (1.9 + 0.75 * wide)
    figure.subplots_adjust(left=share, right=0.995, top=0.99, bottom=0.01, wspace=0.05, hspace=0.05)
    figure.savefig(path, dpi=100)
    plt.close(figure)
