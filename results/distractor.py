"""The figures of results/mnist-distractor: noise on the signal against the distractor, gradients.

    python results/distractor.py

Figure 5 of Srinivas et al. 2023, from the audits of the sweep that lies there.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from offmanifold._core.files import read_tensors
from offmanifold.audits.store import Audit
from offmanifold.sweeps.groups import methods_of
from offmanifold.sweeps.runs import read_sweep

PLACE = Path(__file__).parent / "mnist-distractor"
RATIO = "signal.noise_ratio"
SHOWN = 3  # images of each model


def main() -> None:
    """Draw ratio.png and gradients.png."""
    standard, methods = methods_of(read_sweep(PLACE))
    models = {"standard": standard.audits if standard else ()}
    for method in methods:
        for strength in method.strengths:
            models[f"{method.name.replace('_', '-')} {strength.value:g}"] = strength.audits
    draw_ratio(models)
    draw_gradients({name: audits[0] for name, audits in models.items() if audits})


def draw_ratio(models: dict[str, tuple[Audit, ...]]) -> None:
    """Draw the ratio against the noise level, the mean of seeds thick and each seed thin."""
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    for colour, (name, audits) in enumerate(models.items()):
        curves = [a.json["curves"][RATIO] for a in audits]
        values = np.array([[p["value"] for p in c["points"]] for c in curves], float)
        for row in values:
            axes.plot(curves[0]["x"], row, color=f"C{colour}", linewidth=0.6, alpha=0.6)
        axes.plot(curves[0]["x"], values.mean(0), color=f"C{colour}", linewidth=2.4, label=name)
    axes.axhline(1, color="#8b939c", linewidth=1, linestyle="--")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="σ of the noise, standard deviation per pixel",
        ylabel="change by noise on the signal ÷ on the distractor",
    )
    axes.legend(frameon=False, title="mean of 3 seeds (thin: each)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLACE / "ratio.png", dpi=110)
    plt.close(figure)


def draw_gradients(models: dict[str, Audit]) -> None:
    """Draw the same images and the gradient of each model, one scale an image and model."""
    kept = {n: a.folder for n, a in models.items() if a.folder is not None}
    panels = {n: read_tensors(folder / "panels.safetensors")[0] for n, folder in kept.items()}
    first = next(iter(panels.values()))
    columns = 1 + len(panels)
    figure, grid = plt.subplots(
        SHOWN, columns, figsize=(1.5 * columns, 2.7 * SHOWN), layout="constrained"
    )
    for i in range(SHOWN):
        grid[i, 0].imshow(first["x"][i, 0].float(), cmap="gray", vmin=0, vmax=1)
        for j, panel in enumerate(panels.values()):
            gradient = panel["gradient"][i, 0].float()
            most = float(gradient.abs().max())
            grid[i, j + 1].imshow(gradient, cmap="RdBu_r", vmin=-most, vmax=most)
    for axes, title in zip(grid[0], ["image", *panels], strict=True):
        axes.set_title(title, fontsize=10)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    figure.savefig(PLACE / "gradients.png", dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
