"""A folder of made images: PNG files, numbers and a page, written whole or not at all."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from offmanifold.commands.base import print_json
from offmanifold.commands.synthesising import Workshop
from offmanifold.errors import InputError
from offmanifold.files import (
    check_place,
    read_json,
    read_tensors,
    replace_folder,
    write_json,
    write_tensors,
)
from offmanifold.interrupts import deferred_interrupt
from offmanifold.progress import note
from offmanifold.reporting.pictures import save_grid
from offmanifold.runs import ROOT, identity
from offmanifold.synthesis import Counterfactuals, Synthesis
from offmanifold.synthesis.filling import predicted, value_of

SCHEMA = "offmanifold.synthesis/1"
SAVED, PICTURES, PAGE = "synthesis.json", "images.safetensors", "index.html"
RESULT = "result"  # the column that is what was asked for


@dataclass(frozen=True)
class Row:
    """One image made. pictures: {column: (c, h, w) in [0, 1]}, in order; numbers: of it alone."""

    name: str
    pictures: dict[str, Tensor]
    numbers: dict[str, Any] = field(default_factory=dict)


def make_gallery(
    shop: Workshop,
    use: str,
    planned: int,
    make: Callable[[int], Iterator[Sequence[Row]]],
    settings: dict[str, Any],
) -> Path:
    """Make the rows that are not there yet, and write them all; return the folder.

    make: from the number of rows that are there, the others in batches. settings: what of the
    command changes the rows. Whatever ends it, Ctrl-C or an error, what is finished is kept, and
    the same command then makes the others. Raises InputError where the folder holds something else
    or cannot be written.
    """
    config = json.loads(json.dumps(shop.identity(use, planned=planned, **settings)))
    folder = shop.options.out or ROOT / f"{use}-{identity(config)}"
    rows = _finished(folder, config)
    if len(rows) == planned:
        note(f"all {planned} are there already: {folder / PAGE}")
        _print(shop, folder, rows)
        return folder
    check_place(folder)
    _say_warnings(shop)
    before = len(rows)
    try:
        for batch in make(before):
            rows += batch
    except BaseException:
        if len(rows) > before:
            _write(folder, shop, use, config, rows, planned)
            note(f"{len(rows)} of {planned} are finished: {folder / PAGE}")
        raise
    _write(folder, shop, use, config, rows, planned)
    _print(shop, folder, rows)
    note(f"{len(rows)} made, in {folder}; page: {(folder / PAGE).resolve()}")
    return folder


def _print(shop: Workshop, folder: Path, rows: Sequence[Row]) -> None:
    if shop.options.json:
        made = [{"name": r.name, **r.numbers} for r in rows]
        print_json({"folder": str(folder), "mode": shop.method.mode, "made": made})


def _say_warnings(shop: Workshop) -> None:
    from offmanifold.reporting.texts import Texts  # beside matplotlib, which takes a second

    for key, values in shop.warnings:
        note(f"warning: {Texts(shop.options.language)(key, **values)}")


def _finished(folder: Path, config: dict[str, Any]) -> list[Row]:
    """Return the rows that an interrupted command left; none in a new or an empty folder."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return []
    if not (folder / SAVED).is_file():
        raise InputError(f"{folder} holds something else; choose another folder with --out")
    saved = read_json(folder / SAVED)
    if saved.get("config") != config:
        raise InputError(
            f"{folder} holds images made with other settings; choose another folder with --out"
        )
    tensors, _ = read_tensors(folder / PICTURES)
    return [
        Row(row["name"], {c: tensors[f"{i}/{c}"] for c in row["columns"]}, row["numbers"])
        for i, row in enumerate(saved["rows"])
    ]


def _write(
    folder: Path, shop: Workshop, use: str, config: dict[str, Any], rows: list[Row], planned: int
) -> None:
    from offmanifold.reporting.synthesis import synthesis_page

    saved = {
        "schema": SCHEMA,
        "use": use,
        "config": config,
        "planned": planned,
        "model": shop.loaded.card.label,
        "manifold": None if shop.manifold is None else shop.manifold.card.spec,
        "warnings": [{"key": key, "values": values} for key, values in shop.warnings],
        "rows": [{"name": r.name, "columns": list(r.pictures), "numbers": r.numbers} for r in rows],
    }

    def write(new: Path) -> None:
        pictures = {f"{i}/{c}": x for i, r in enumerate(rows) for c, x in r.pictures.items()}
        write_tensors(new / PICTURES, pictures)
        write_json(new / SAVED, saved)
        for row in rows:
            for column, x in row.pictures.items():
                place = new if column == RESULT else new / column
                place.mkdir(exist_ok=True)
                shown = x / 2 + 0.5 if column == "change" else x
                save_grid(shown[None], place / f"{row.name}.png", 1, scale=1)
        synthesis_page(new, new / PAGE, shop.options.language)

    with deferred_interrupt() as interrupted:  # a first Ctrl-C waits, or all would be lost
        replace_folder(folder, write)
    if interrupted():
        raise KeyboardInterrupt


def numbers_of(shop: Workshop, made: Synthesis, **more: Tensor) -> list[dict[str, Any]]:
    """Return the numbers of each image: its class, the probability of that class, …; more: (n,)."""
    p = value_of(shop.model, made.images, made.y, "log_prob").exp()
    columns: dict[str, list[Any]] = {
        "class": [shop.classes[c] for c in made.y.tolist()],
        "probability": p.tolist(),
        "norm": made.norms.tolist(),
        "steps": made.steps.tolist(),
    }
    if isinstance(made, Counterfactuals):
        columns["was"] = [shop.classes[c] for c in predicted(shop.model, made.start).tolist()]
        columns["found"] = made.found.tolist()
    columns |= {key: values.tolist() for key, values in more.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
