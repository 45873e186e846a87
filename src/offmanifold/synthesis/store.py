"""Made images on disk: in batches as they are finished, and together at the end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import clear, inside, read_tensors, write_tensors
from offmanifold._core.records import as_record
from offmanifold.synthesis.schema import (
    PICTURES,
    SAVED,
    Batch,
    Config,
    MadeImage,
    Numbers,
    read_gallery,
)

BATCHES = "batches"  # the folder of those that are finished, until all rows are written


@dataclass(frozen=True)
class Row:
    """One image made. pictures: {column: (c, h, w) in [0, 1]}, in order; numbers: of it alone."""

    name: str
    pictures: dict[str, Tensor]
    numbers: Numbers = Numbers()  # noqa: RUF009 (frozen)


def finished_rows(folder: Path, config: Config) -> tuple[list[Row], int]:
    """Return the rows that an interrupted run left, and how many of them are in batches only.

    None in a new or an empty folder. Raises InputError where it holds anything else.
    """
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    if not there and not folder.is_file():
        return [], 0
    if not there or (SAVED not in there and there != {BATCHES}):
        raise InputError(f"{folder} holds something else; choose another `folder`")
    rows: list[Row] = []
    if SAVED in there:
        record = read_gallery(folder)
        rows = _rows(
            folder / PICTURES, Batch(config=record.config, rows=record.rows), folder, config
        )
    before = len(rows)
    batches = inside(folder, BATCHES, source=folder)
    clear(batches)
    for path in sorted(batches.glob("*.safetensors")):
        if path.stem == _place(len(rows)):
            batch = as_record(json.loads(read_tensors(path)[1]["saved"]), Batch, path)
            rows += _rows(path, batch, folder, config)
    return rows, len(rows) - before


def _rows(path: Path, saved: Batch, folder: Path, config: Config) -> list[Row]:
    if saved.config != config:
        raise InputError(f"{folder} holds images made with other settings; choose another `folder`")
    tensors, _ = read_tensors(path)
    source = path if path.parent.name == BATCHES else folder / SAVED
    try:
        for row in saved.rows:
            for column in row.columns:
                inside(folder, column, f"{row.name}.png", source=source)
        return [
            Row(row.name, {c: tensors[f"{i}/{c}"] for c in row.columns}, row.numbers)
            for i, row in enumerate(saved.rows)
        ]
    except KeyError as error:
        raise InputError(
            f"{source} is damaged; restore it, or remove {folder} and make the images anew"
        ) from error


def _place(first: int) -> str:
    """Return the name of the batch whose first row is this one."""
    return f"{first:08d}"


def described(rows: Sequence[Row]) -> tuple[MadeImage, ...]:
    """Return the names, columns and numbers of rows."""
    return tuple(MadeImage(name=r.name, columns=tuple(r.pictures), numbers=r.numbers) for r in rows)


def pictures_of(rows: Sequence[Row]) -> dict[str, Tensor]:
    """Return {place of a row/column: picture}."""
    return {f"{i}/{c}": x for i, r in enumerate(rows) for c, x in r.pictures.items()}


def keep(folder: Path, config: Config, first: int, batch: Sequence[Row]) -> None:
    """Write a finished batch, of which the first row is the one so numbered."""
    saved = msgspec.to_builtins(Batch(config=config, rows=described(batch)))
    path = folder / BATCHES / f"{_place(first)}.safetensors"
    write_tensors(path, pictures_of(batch), {"saved": json.dumps(saved)})
