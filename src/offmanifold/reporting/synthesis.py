"""The gallery of made images: results beside what they began with and what plain ways give."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch import Tensor

from offmanifold.errors import InputError
from offmanifold.files import read_json, read_tensors, write_text
from offmanifold.reporting.pictures import direction, picture
from offmanifold.reporting.texts import Texts

WIDTH = 96  # pixels on the page
SMOOTH = 64  # pixels of an image from which it is drawn smoothly
NUMBERS = ("was", "class", "probability", "norm", "steps", "nearest", "pieces")
LEAST_CHANGE = 0.05  # of a pixel, at the ends of the colours


def synthesis_page(folder: Path, out: Path, language: str = "en") -> Path:
    """Write one self-contained HTML page of a folder of made images, and return its path.

    Raises InputError for an unknown language, or a folder that holds no made images.
    """
    t = Texts(language)
    saved = read_json(folder / "synthesis.json")
    if not str(saved.get("schema", "")).startswith("offmanifold.synthesis/"):
        raise InputError(f"{folder} holds no made images")
    tensors, _ = read_tensors(folder / "images.safetensors")
    rows = [_row(i, row, tensors, t) for i, row in enumerate(saved["rows"])]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
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
        warnings=[t(w["key"], **w["values"]) for w in saved["warnings"]],
        rows=rows,
        width=WIDTH,
        smooth=any(x.shape[-1] > SMOOTH for x in tensors.values()),
    )
    write_text(out, html)
    return out


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


def _row(i: int, row: dict[str, Any], tensors: dict[str, Tensor], t: Texts) -> dict[str, Any]:
    pictures = [_picture(column, tensors[f"{i}/{column}"], t) for column in row["columns"]]
    numbers = row["numbers"]
    return {
        "name": row["name"],
        "pictures": pictures,
        "result": next(p for p in pictures if p["column"] == "result"),
        "numbers": [
            t(f"synthesis.number.{key}", value=_written(numbers[key]))
            for key in NUMBERS
            if key in numbers
        ],
        "failed": numbers.get("found") is False,
    }


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
