"""The gallery of made images: results beside what they began with and what plain ways give."""

import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import to_builtins
from torch import Tensor

from offmanifold._core.files import read_tensors, write_text
from offmanifold._core.reasons import Reason
from offmanifold._core.visible import visible_page
from offmanifold.reports.catalogue import said as say
from offmanifold.reports.pictures import direction, picture
from offmanifold.reports.texts import Texts
from offmanifold.synthesis.schema import PICTURES, GalleryRecord, read_gallery

WIDTH = 96  # pixels on the page
SMOOTH = 64  # pixels of an image from which it is drawn smoothly
NUMBERS = (
    *("was", "class", "before", "after", "probability", "norm", "steps", "nearest", "sigma"),
    "pieces",
)
SAID = 20  # images of which a line each is said, or that are named in a line
SHOWN = 200  # images on the page at most; the others are files
VALUES = 20_000_000  # numbers in the pictures of a page, about as many bytes
SURE = 0.9995  # a probability above would be written as 1
LEAST_CHANGE = 0.05  # of a pixel, at the ends of the colours


def synthesis_page(folder: str | Path, out: str | Path, language: str = "en") -> Path:
    """Write one self-contained HTML page of a folder of made images, and return its path.

    Raises InputError for an unknown language, or a folder that holds no made images.
    """
    t, folder, out = Texts(language), Path(folder), Path(out)
    record = read_gallery(folder)
    saved = to_builtins(record)
    tensors, _ = read_tensors(folder / PICTURES)
    shown = _shown(saved["rows"], tensors)
    rows = [_row(i, row, tensors, t, saved) for i, row in enumerate(saved["rows"][:shown])]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template("synthesis.html.jinja").render(
        t=t,
        use=saved["use"],
        model=saved["model"],
        line=_line(saved, t),
        warnings=[sentence(warning, language) for warning in record.warnings],
        facts=facts(saved, t),
        scores=_scores(saved, t),
        caption=_caption(saved, t),
        part=None
        if shown == len(saved["rows"])
        else t("synthesis.part", shown=shown, n=len(saved["rows"])),
        rows=rows,
        width=WIDTH,
        smooth=any(x.shape[-1] > SMOOTH for x in tensors.values()),
    )
    write_text(out, visible_page(html))
    return out


def _shown(rows: list[dict[str, Any]], tensors: dict[str, Tensor]) -> int:
    """Return how many rows a page holds, the first ones: one at least."""
    values = 0
    for i, row in enumerate(rows[:SHOWN]):
        values += sum(tensors[f"{i}/{column}"].numel() for column in row["columns"])
        if i and values > VALUES:
            return i
    return min(len(rows), SHOWN)


def sentence(reason: Reason, language: str) -> str:
    """Return a reason with its values, of which those that are codes are put into words."""
    t = Texts(language)
    codes = {name: f"synthesis.{name}.{value}" for name, value in reason.values.items()}
    words = {name: t(codes[name]) if codes[name] in t else v for name, v in reason.values.items()}
    return say(Reason(reason.code, words), language)


def said(record: GalleryRecord, language: str) -> list[str]:
    """Return in a line each what came of the images that were given, and of all together."""
    t, saved = Texts(language), to_builtins(record)
    lines = [line for row in saved["rows"] if (line := _said(row, t, saved["use"]))]
    more = len(lines) - SAID
    if more > 0:
        lines = [*lines[:SAID], t("synthesis.said.more", n=more)]
    scores = [f"  {name}: {error}" for name, error in _scores(saved, t)]
    caption = [_caption(saved, t)] if scores else []
    return [*lines, *caption, *scores, *facts(saved, t)]


def _said(row: dict[str, Any], t: Texts, use: str) -> str | None:
    """Return what came of one image; None where it was made of nothing, or in pieces."""
    n = row["numbers"]
    values = {
        key: value if isinstance(value, str) else f"{value:.2g}"
        for key, value in n.items()
        if isinstance(value, (str, int, float))
    }
    values["probability"] = _probability(n.get("probability", math.nan), t)
    if n.get("already"):
        return t("synthesis.said.already", name=row["name"], **values)
    if "found" in n:
        key = "found" if n["found"] else "notfound"
    elif "before" in n:
        key = f"aimed.{use}" if f"synthesis.said.aimed.{use}" in t else "aimed"
    else:
        return None
    return t(f"synthesis.said.{key}", name=row["name"], **values)


def _kept(saved: dict[str, Any], t: Texts) -> list[str]:
    """Return which images are not taken as their files are, or that all are kept, where they are.

    Nothing of folders of older versions, which do not tell.
    """
    if saved["use"] == "inpaint" and saved.get("altered") == {}:
        return [t("synthesis.kept")]
    lines = []
    for what, files in saved.get("altered", {}).items():
        words = {"files": _named(files), "what": t(f"synthesis.altered.{what}")}
        lines.append(t("synthesis.altered", **words))
    return lines


def _named(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - SAID
    return ", ".join(names[:SAID]) + (f" (+ {more})" if more > 0 else "")


def facts(saved: dict[str, Any], t: Texts) -> list[str]:
    """Return what is to be said of all images together, a sentence each."""
    lines = _kept(saved, t)
    decided = [r["numbers"] for r in saved["rows"] if "found" in r["numbers"]]
    if decided:
        already = sum(bool(n.get("already")) for n in decided)
        counts = {"found": sum(n["found"] for n in decided), "n": len(decided) - already}
        lines.append(t("synthesis.found", **counts))
        if already:
            lines.append(t("synthesis.already.count", n=already))
    judged = [r for r in saved["rows"] if _asked(saved) and "after" in r["numbers"]]
    if judged:
        n, others = len(judged), [r["name"] for r in judged if _missed(r["numbers"])]
        lines.append(t("synthesis.right", right=n - len(others), n=n, model=saved["model"]))
        if others:
            lines.append(t("synthesis.others", names=_named(others)))
    d = saved.get("diversity") or {}
    if "n" in d:  # folders of older versions do not tell
        apart = {key: f"{d[key]:.3g}" for key in ("made", "real")}
        lines.append(t("synthesis.diversity", n=d["n"], classes=d["classes"], **apart))
    scores = saved.get("scores") or {}
    if scores.get("few"):
        lines.append(t("synthesis.few", n=scores["few"]))
    for loss in scores.get("lost", ()):
        d = loss["difference"]
        interval = "" if d["low"] is None else f" [{d['low']:.3g}, {d['high']:.3g}]"
        words = {k: t.name("synthesis.column", loss[k]) for k in ("way", "baseline")}
        by = f"{d['value']:.3g}{interval}"
        lines.append(t("synthesis.lost", by=by, n=d["n"], **words))
    return lines


def _scores(saved: dict[str, Any], t: Texts) -> list[tuple[str, str]]:
    """Return the error of each way to the images, where the true ones are known, in words."""
    errors = (saved.get("scores") or {}).get("errors", {})
    return [
        (
            t.name("synthesis.column", column),
            f"{e['value']:.4f}"
            + ("" if e["low"] is None else f" [{e['low']:.4f}, {e['high']:.4f}]"),
        )
        for column, e in errors.items()
    ]


def _caption(saved: dict[str, Any], t: Texts) -> str:
    """Return what the scores are; nothing where there are none."""
    errors = (saved.get("scores") or {}).get("errors", {})
    if not errors:
        return ""
    n = next(iter(errors.values()))["n"]
    return t("synthesis.scores", n=n) if n > 1 else t("synthesis.scores.one")


def _line(saved: dict[str, Any], t: Texts) -> str:
    name = saved["manifold"]
    return t(
        "synthesis.line",
        n=len(saved["rows"]),
        planned=saved["planned"],
        model=saved["model"],
        manifold=t("synthesis.manifold.none")
        if name is None
        else t("synthesis.manifold", name=name),
        mode=t(f"synthesis.mode.{saved['config']['mode']}"),
    )


def _row(
    i: int, row: dict[str, Any], tensors: dict[str, Tensor], t: Texts, saved: dict[str, Any]
) -> dict[str, Any]:
    pictures = [_picture(column, tensors[f"{i}/{column}"], t) for column in row["columns"]]
    numbers = row["numbers"]
    if _unfound(numbers):
        for p in (p for p in pictures if p["column"] == "result"):
            p["caption"] = t("synthesis.column.attempt")
    return {
        "name": row["name"],
        "pictures": pictures,
        "result": next(p for p in pictures if p["column"] == "result"),
        "numbers": [_number(key, numbers, t, saved["use"]) for key in NUMBERS if key in numbers],
        "failed": _failed(numbers, t, _asked(saved)),
    }


def _number(key: str, numbers: dict[str, Any], t: Texts, use: str) -> str:
    value = numbers[key]
    if key == "probability":
        return _probability(value, t)
    if key == "class" and ("before" in numbers or _unfound(numbers)):
        key = "aimed"
    elif key == "after" and "before" not in numbers:
        key = "seen"
    elif key == "steps" and value == 1:
        key = "step"
    elif f"synthesis.number.{key}.{use}" in t:  # before: not the original, but what it began with
        key = f"{key}.{use}"
    return t(f"synthesis.number.{key}", value=_written(value))


def _probability(p: float, t: Texts) -> str:
    """Return a probability in words, to 3 digits: one that would round to 1 is above 0.999."""
    if p > SURE:
        return t("synthesis.number.sure", value="0.999")
    return t("synthesis.number.probability", value=_written(p))


def _asked(saved: dict[str, Any]) -> bool:
    """Whether a user asked for a class."""
    config = saved["config"]
    return any(config.get(key) is not None for key in ("asked", "class"))


def _missed(numbers: dict[str, Any]) -> bool:
    """Whether the classifier sees another class in an image, made whole, than it was made for."""
    return "after" in numbers and numbers["after"] != numbers["class"]


def _failed(numbers: dict[str, Any], t: Texts, asked: bool) -> str | None:
    """Return why an image is not what was asked for, None where it is."""
    if numbers.get("already"):
        return t("synthesis.already")
    if asked and _missed(numbers):
        return t("synthesis.missed")
    return t("synthesis.notfound") if _unfound(numbers) else None


def _unfound(numbers: dict[str, Any]) -> bool:
    """Whether a change was sought that was not found."""
    return numbers.get("found") is False and not numbers.get("already")


def _picture(column: str, x: Tensor, t: Texts) -> dict[str, Any]:
    change = column == "change"
    uri = direction(x, max(LEAST_CHANGE, float(x.abs().max()))) if change else picture(x)
    return {
        "column": column,
        "caption": t.name("synthesis.column", column),
        "uri": uri,
        "height": round(WIDTH * x.shape[-2] / x.shape[-1]),
    }


def _written(value: float | int | str) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else f"{value:.3g}"
