"""Draw docs/on-off.svg: an image on the manifold of real images, a step along it and one off it.

python docs/drawing.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

BLUE, RED, GREY = "#2b6cb0", "#c0392b", "#718096"


def surface(t: np.ndarray) -> np.ndarray:
    """Return the height of the manifold, drawn as a curve."""
    return 0.9 * np.sin(0.9 * t) - 0.12 * t


def main() -> None:
    """Draw the figure, the same bytes every time."""
    plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "on-off", "font.size": 11}
    figure, axes = plt.subplots(figsize=(7.6, 3.1))
    t = np.linspace(-0.2, 5.2, 300)
    axes.plot(t, surface(t), color=GREY, linewidth=3, solid_capstyle="round")
    seen = np.linspace(0.1, 5.0, 26)
    axes.plot(seen, surface(seen), "o", color=GREY, markersize=5)
    at, slope = 1.35, 0.81 * np.cos(0.9 * 1.35) - 0.12
    here = np.array([at, surface(np.array(at))])
    along = np.array([1, slope]) / np.hypot(1, slope)
    away = np.array([-along[1], along[0]])
    for direction, colour, text, place in (
        (along, BLUE, "on the manifold: another real image", (18, 2)),
        (away, RED, "off it: no real image", (10, 6)),
    ):
        end = here + 0.85 * direction
        axes.annotate("", end, here, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.4})
        axes.annotate(text, end, place, textcoords="offset points", color=colour)
    axes.plot(*here, "o", color="black", markersize=9)
    axes.annotate("an image", here, (-4, -46), textcoords="offset points", ha="center")
    end = np.array([5.2, surface(np.array(5.2))])
    axes.annotate("images that could be real", end, (8, 0), textcoords="offset points", color=GREY)
    axes.set(xlim=(-0.6, 8.2), ylim=(-2.0, 2.2))
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(
        Path(__file__).parent / "on-off.svg", bbox_inches="tight", metadata={"Date": None}
    )


if __name__ == "__main__":
    main()
