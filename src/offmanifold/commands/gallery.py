"""A folder of made images: batches as they are finished, then PNG files, numbers and a page."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from offmanifold.commands.base import print_json
from offmanifold.commands.kept_rows import (
    PICTURES,
    SAVED,
    Row,
    described,
    finished_rows,
    keep,
    pictures_of,
)
from offmanifold.commands.synthesising import Workshop
from offmanifold.errors import InputError
from offmanifold.files import check_place, read_json, replace_folder, write_json, write_tensors
from offmanifold.interrupts import deferred_interrupt
from offmanifold.precision import bf16_is_faster
from offmanifold.progress import note
from offmanifold.reporting.pictures import save_grid
from offmanifold.runs import ROOT, identity
from offmanifold.synthesis import Counterfactuals, Synthesis
from offmanifold.synthesis.filling import predicted, value_of
from offmanifold.synthesis.result import in_8_bits

SCHEMA = "offmanifold.synthesis/1"
PAGE = "index.html"
RESULT = "result"  # the column that is what was asked for


def make_gallery(
    shop: Workshop,
    use: str,
    planned: int,
    make: Callable[[int], Iterator[Sequence[Row]]],
    settings: dict[str, Any],
    about: Callable[[Sequence[Row]], dict[str, Any]] = lambda rows: {},
) -> Path:
    """Make the rows that are not there yet, and write them all; return the folder.

    make: from the number of rows that are there, the others in batches. settings: what of the
    command changes the rows. about: from the rows, what is saved of them together. Each batch is
    written when it is finished: whatever ends the command, a kill or a full disk too, it is kept,
    and the same command then makes the others. Raises InputError where the folder holds something
    else or cannot be written.
    """
    config = json.loads(json.dumps(shop.identity(use, planned=planned, **settings)))
    folder = shop.options.out or ROOT / f"{use}-{identity(config)}"
    rows, batches = finished_rows(folder, config, shop.device.type)
    if len(rows) == planned and not batches:
        note(f"all {planned} are there already: {folder / PAGE}")
        _print(shop, folder)
        return folder
    check_place(folder)
    if rows:
        note(f"{len(rows)} of {planned} are there already: going on")
    _say_warnings(shop)
    before = len(rows) - batches
    try:
        for batch in make(len(rows)) if len(rows) < planned else ():
            keep(folder, config, shop.device.type, len(rows), batch)
            rows += batch
    except BaseException:
        if len(rows) > before:
            _write(folder, shop, use, config, rows, planned, about)
            note(f"{len(rows)} of {planned} are finished: {folder / PAGE}")
        raise
    saved = _write(folder, shop, use, config, rows, planned, about)
    _print(shop, folder)
    for line in _said(shop, saved):
        note(line)
    note(f"{len(rows)} made, in {folder}; page: {(folder / PAGE).resolve()}")
    return folder


def _print(shop: Workshop, folder: Path) -> None:
    if shop.options.json:
        saved = read_json(folder / SAVED)
        made = [{"name": row["name"], **row["numbers"]} for row in saved["rows"]]
        together = {key: saved[key] for key in ("diversity", "scores") if key in saved}
        print_json({"folder": str(folder), "mode": shop.method.mode, "made": made, **together})


def _say_warnings(shop: Workshop) -> None:
    from offmanifold.reporting.synthesis import sentence  # beside matplotlib, which takes a second

    for key, values in shop.warnings:
        note(f"warning: {sentence(key, values, shop.options.language)}")


def _said(shop: Workshop, saved: dict[str, Any]) -> list[str]:
    from offmanifold.reporting.synthesis import said

    return said(saved, shop.options.language)


def _write(
    folder: Path,
    shop: Workshop,
    use: str,
    config: dict[str, Any],
    rows: list[Row],
    planned: int,
    about: Callable[[Sequence[Row]], dict[str, Any]],
) -> dict[str, Any]:
    """Write all rows, as pictures and as a page, in place of the batches; return what is saved."""
    from offmanifold.reporting.synthesis import synthesis_page

    saved = {
        "schema": SCHEMA,
        "use": use,
        "config": config,
        "planned": planned,
        "model": shop.loaded.card.label,
        "manifold": None if shop.manifold is None else shop.manifold.card.spec,
        "bf16": bf16_is_faster(shop.device.type),
        "warnings": [{"key": key, "values": values} for key, values in shop.warnings],
        "rows": described(rows),
        **_together(about, rows),
    }

    def write(new: Path) -> None:
        write_tensors(new / PICTURES, pictures_of(rows))
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
    return saved


def _together(
    about: Callable[[Sequence[Row]], dict[str, Any]], rows: Sequence[Row]
) -> dict[str, Any]:
    """Return what is said of all rows; nothing where that fails, so that the images are saved."""
    try:
        return about(rows)
    except (InputError, MemoryError, OSError, RuntimeError, ValueError) as error:
        note(f"the images are saved without what is said of all together: {error}")
        return {}


def numbers_of(
    shop: Workshop, made: Synthesis, before: Tensor | None = None, **more: Tensor
) -> list[dict[str, Any]]:
    """Return the numbers of each image as it is written, in 8 bits.

    Its class, the probability of that class, the class seen after, …; before: the images (n, c, h,
    w) in which the class before is seen; more: (n,) numbers.
    """
    written = in_8_bits(made.images)
    p = value_of(shop.model, written, made.y, "log_prob").exp()

    def names(classes: Tensor) -> list[str]:
        return [shop.classes[c] for c in classes.tolist()]

    columns: dict[str, list[Any]] = {"class": names(made.y)}
    if isinstance(made, Counterfactuals):
        was = predicted(shop.model, made.start)
        already = was == made.y
        columns |= {"was": names(was), "already": already.tolist()}
        columns["found"] = (made.found & ~already).tolist()
    else:
        if before is not None:
            columns["before"] = names(predicted(shop.model, before.to(shop.device)))
        columns["after"] = names(predicted(shop.model, written))
    columns |= {"probability": p.tolist(), "norm": made.norms.tolist()}
    columns["steps"] = made.steps.tolist()
    columns |= {key: values.tolist() for key, values in more.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
