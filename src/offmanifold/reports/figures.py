"""The page's figures: small matplotlib drawings as inline SVG, the same bytes every time."""

import io
import itertools
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib import ticker
from matplotlib.figure import Figure
from matplotlib.text import Text

from offmanifold._core.visible import visible, visible_page
from offmanifold.reports.fonts import css_families

COLOURS = {
    "bayes-aligned": "#0d7a5f",
    "weak": "#2f62b5",
    "excessive": "#c2560c",
    "collapsed": "#8a1c3b",
    "uncertain": "#666f7a",
    "variant": "#666f7a",
}
INK, FAINT, GREY = "#30363d", "#d9dde2", "#8b939c"
PERCENT = ticker.FuncFormatter(lambda x, _: f"{100 * x:.0f} %")
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": "#59626c",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": "#59626c",
    "ytick.labelcolor": "#59626c",
    "text.color": INK,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Line:
    """One curve: its points, how it is drawn, and the word at its end."""

    x: list[float]
    points: list[dict[str, Any]]
    colour: str
    dashed: bool = False
    word: str = ""


@dataclass(frozen=True)
class Dot:
    """One model in a figure of accuracy."""

    label: str
    colour: str
    clean: dict[str, Any]
    robust: dict[str, Any]
    certified: dict[str, Any]
    alignment: dict[str, Any]


def standalone_svg(figure: Figure, salt: str) -> str:
    """Return a figure as an SVG file, whose texts name fonts that hold Japanese too."""
    return _in_families(_drawn(figure, salt, transparent=False), css_families())


def _drawn(figure: Figure, salt: str, *, transparent: bool) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        options = {"transparent": transparent, "metadata": {"Date": None}}
        save_as_text(figure, buffer, format="svg", **options)
    return visible_page(buffer.getvalue())


def save_as_text(figure: Figure, to: Any, **options: Any) -> None:
    """Save a figure all of whose texts are what they say, no formulas and no controls."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(visible(text.get_text()))
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser has the glyphs
        figure.savefig(to, **options)


def _in_tags(pattern: str, replacement: str, svg: str) -> str:
    """Return an SVG in whose tags a pattern is replaced; what it shows as text stays."""
    return re.sub(r"<[^<>]*>", lambda tag: re.sub(pattern, replacement, tag[0]), svg)


def _in_families(text: str, families: str) -> str:
    """Return an SVG whose texts are in these families, however matplotlib has named its own."""
    text = _in_tags(r"font: (\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \1; font-family: x", text)
    return _in_tags(r"font-family: [^;\"]*", f"font-family: {families}", text)


def svg(figure: Figure, salt: str, label: str) -> Markup:
    text = _drawn(figure, salt, transparent=True)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = _in_tags(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = _in_families(text, "inherit")  # those of the page
    width = figure.get_figwidth() * 72
    name = Markup.escape(visible(label))
    text = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        lambda m: (
            f'<svg viewBox="{m[1]}" style="width:{width:.0f}px" role="img" aria-label="{name}">'
        ),
        text,
        count=1,
    )
    return Markup(text)


def spans(xs: Sequence[float], names: Sequence[str]) -> Iterator[tuple[float, float, str]]:
    """Yield the stretches (left, right, name) of a logarithmic axis along which a name holds.

    Between two points of other names the border is their geometric mean.
    """
    start = 0
    for name, group in itertools.groupby(names):
        end = start + len(list(group))
        left = xs[0] if start == 0 else math.sqrt(xs[start - 1] * xs[start])
        right = xs[-1] if end == len(xs) else math.sqrt(xs[end - 1] * xs[end])
        yield left, right, name
        start = end


def _figure(width: int, height: int) -> Figure:
    """Return an empty figure of a size in CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def _or_nan(number: dict[str, Any], key: str) -> float:
    value = number.get(key)
    return math.nan if value is None else float(value)


def top_of(lines: list[Line]) -> float:
    """Return the upper end of a common axis for all lines and their intervals."""
    ends = [_or_nan(p, k) for line in lines for p in line.points for k in ("value", "high")]
    return max([e for e in ends if math.isfinite(e)], default=1.0) * 1.06 or 1.0


def curves(
    lines: list[Line], top: float, mark: float | None, x_title: str, title: str, salt: str
) -> Markup:
    """Draw the lines of one model against the step, with bands, the reference step marked."""
    with matplotlib.rc_context(STYLE):
        figure = _figure(262, 204)
        axes = figure.add_axes((0.17, 0.21, 0.71, 0.74))
        xs = sorted({x for line in lines for x in line.x})
        if xs and xs[0] > 0:
            axes.set_xscale("log")
        shown = xs if len(xs) <= 6 else xs[:: -(-len(xs) // 5)]
        axes.xaxis.set_major_locator(ticker.FixedLocator(shown))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:.2g}"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_locator(ticker.MaxNLocator(4))
        axes.grid(axis="y", color="#eceff2", linewidth=1)
        axes.set_axisbelow(True)
        if mark is not None:
            axes.axvline(mark, color=GREY, linewidth=1, linestyle=(0, (1, 2)))
        ends = []
        for line in lines:
            value, low, high = (
                [_or_nan(p, k) for p in line.points] for k in ("value", "low", "high")
            )
            axes.fill_between(line.x, low, high, color=line.colour, alpha=0.16, linewidth=0)
            axes.plot(
                line.x,
                value,
                color=line.colour,
                linewidth=2,
                linestyle=(0, (4, 2)) if line.dashed else "solid",
                marker="o",
                markersize=3.5,
            )
            if line.word and value and math.isfinite(value[-1]):
                ends.append([value[-1], line])
        ends.sort(key=lambda e: e[0])
        for lower, upper in itertools.pairwise(ends):
            upper[0] = max(upper[0], lower[0] + 0.09 * top)
        for y, line in ends:
            axes.annotate(
                line.word,
                (line.x[-1], y),
                xytext=(7, 0),
                textcoords="offset points",
                va="center",
                color=line.colour,
                annotation_clip=False,
            )
        axes.set_ylim(0, top)
        axes.set_xlabel(x_title, fontsize=10.5)
        if mark is not None or any(line.word for line in lines):
            axes.set_ylabel(title, fontsize=10.5)  # another curve has it as a heading
        return svg(figure, salt, title)


def _short(label: str, most: int = 22) -> str:
    label = visible(label)
    return label if len(label) <= most else label[: most - 1] + "…"


def _width(text: str) -> float:
    return sum(6.2 if ord(c) < 0x2E80 else 11.5 for c in text)


def _bar(number: dict[str, Any]) -> tuple[float, float]:
    return _or_nan(number, "low"), _or_nan(number, "high")


def accuracy(dots: list[Dot], title: str) -> Markup:
    """Draw clean (filled), robust and certified (hollow) accuracy, a row a model, intervals."""
    with matplotlib.rc_context(STYLE):
        side = max(_width(_short(d.label)) for d in dots) + 20
        width, height = 520, 54 + 34 * len(dots)
        figure = _figure(width, height)
        axes = figure.add_axes(
            (side / width, 36 / height, 1 - (side + 18) / width, 1 - 46 / height)
        )
        for row, dot in enumerate(dots):
            axes.axhline(row, color="#eceff2", linewidth=1, zorder=0)
            both = [_or_nan(n, "value") for n in (dot.robust, dot.clean)]
            axes.plot(both, [row, row], color=dot.colour, alpha=0.25, linewidth=5, zorder=1)
            for number, marker, face, y in (
                (dot.certified, "s", "white", row + 0.27),
                (dot.robust, "D", "white", row),
                (dot.clean, "o", dot.colour, row),
            ):
                axes.plot(_bar(number), [y, y], color=dot.colour, linewidth=1.6, zorder=2)
                axes.plot(
                    [_or_nan(number, "value")],
                    [y],
                    marker=marker,
                    markersize=8 if marker == "o" else 7,
                    markeredgewidth=1.8,
                    markerfacecolor=face,
                    color=dot.colour,
                    zorder=3,
                )
        axes.set_yticks(range(len(dots)), [_short(d.label) for d in dots])
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=11.5)
        axes.set_ylim(len(dots) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(PERCENT)
        return svg(figure, "accuracy", title)


def scatter(dots: list[Dot], axis_titles: list[str], title: str, share: bool) -> Markup:
    """Draw accuracy (up) against alignment, a named dot a model, with both intervals."""
    with matplotlib.rc_context(STYLE):
        width, height = 520, max(260, 54 + 34 * len(dots))
        figure = _figure(width, height)
        axes = figure.add_axes((0.12, 48 / height, 0.83, 1 - 64 / height))
        ends = [v for d in dots for v in (*_bar(d.alignment), _or_nan(d.alignment, "value"))]
        ends = [v for v in ends if math.isfinite(v)]
        low, high = min(0.0, *ends), max(ends)
        axes.set_xlim(low, low + (high - low) * 1.12 or 1)
        axes.set_ylim(0, 1.1)
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        to_pixels = axes.transData.transform
        points = [(d, to_pixels((d.alignment["value"], d.clean["value"]))) for d in dots]
        taken = [(x - 6, y - 6, x + 6, y + 6) for _, (x, y) in points]
        for dot, (x, y) in points:
            centre = (dot.alignment["value"], dot.clean["value"])
            for xs, ys in (
                (_bar(dot.alignment), (centre[1], centre[1])),
                ((centre[0], centre[0]), _bar(dot.clean)),
            ):
                axes.plot(xs, ys, color=dot.colour, alpha=0.45, linewidth=1.6)
            axes.plot(*centre, marker="o", markersize=8, color=dot.colour)
            word = _short(dot.label)
            right, dy = _free(x, y, _width(word), taken, width * 0.95)
            axes.annotate(
                word,
                centre,
                xytext=(10 if right else -10, dy),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                color=dot.colour,
                fontsize=10.5,
            )
        axes.yaxis.set_major_formatter(PERCENT)
        axes.grid(color="#eceff2", linewidth=1)
        axes.set_axisbelow(True)
        if share:
            axes.xaxis.set_major_formatter(PERCENT)
        axes.set_xlabel(axis_titles[0])
        axes.set_ylabel(axis_titles[1])
        return svg(figure, "scatter", title)


def _free(
    x: float, y: float, wide: float, taken: list[tuple[float, float, float, float]], edge: float
) -> tuple[bool, float]:
    """Return the side and the shift at which a name overlaps nothing yet, and take the place."""
    box = (0.0, 0.0, 0.0, 0.0)
    for dy in (12, -12, 0, 26, -26, 39, -39, 52, -52, 65, -65):
        for right in (True, False):
            left = x + 10 if right else x - 10 - wide
            box = (left, y + dy - 6, left + wide, y + dy + 6)
            inside = box[2] <= edge and box[0] >= 60
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                return right, dy
    taken.append(box)
    return x < edge / 2, 0


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
