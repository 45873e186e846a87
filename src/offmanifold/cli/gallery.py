"""A folder of made images: batches as they are finished, then PNG files, numbers and a page."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from offmanifold._core.errors import InputError, named_write_errors
from offmanifold._core.files import (
    inside,
    make_folder,
    neighbour,
    read_json,
    target,
    write_json,
    write_tensors,
)
from offmanifold._core.folders import check_place, recover, replace_folder
from offmanifold._core.interrupts import deferred_interrupt
from offmanifold._core.locks import LOCK, held
from offmanifold._core.log import note
from offmanifold._core.runs import ROOT, identity
from offmanifold.cli.amount import check_room
from offmanifold.cli.base import print_json
from offmanifold.cli.kept_rows import (
    PICTURES,
    SAVED,
    Row,
    described,
    finished_rows,
    keep,
    pictures_of,
)
from offmanifold.cli.synthesising import Workshop
from offmanifold.reports.pictures import save_grid
from offmanifold.synthesis import Counterfactuals, Synthesis
from offmanifold.synthesis.batching import is_out_of_memory
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
    folder = target(shop.options.out or ROOT / f"{use}-{identity(config)}")
    make_folder(folder.parent)
    with held(folder, neighbour(folder, LOCK)):
        return _made(shop, use, planned, make, config, about, folder)


def _made(
    shop: Workshop,
    use: str,
    planned: int,
    make: Callable[[int], Iterator[Sequence[Row]]],
    config: dict[str, Any],
    about: Callable[[Sequence[Row]], dict[str, Any]],
    folder: Path,
) -> Path:
    recover(folder)
    rows, batches = finished_rows(folder, config)
    if len(rows) == planned and not batches:
        note(f"all {planned} are there already: pictures and page are drawn again")
        saved = read_json(folder / SAVED)
        _say_warnings(shop, saved["warnings"])
        with named_write_errors(folder):
            _draw(folder, rows, shop.options.language)
        return _end(shop, folder, saved)
    check_place(folder)
    check_room(folder, planned, len(rows), shop.shape)
    if rows:
        note(f"{len(rows)} of {planned} are there already: going on")
    _say_warnings(shop, _warnings(shop))
    before = len(rows) - batches
    try:
        for batch in make(len(rows)) if len(rows) < planned else ():
            keep(folder, config, len(rows), batch)
            rows += batch
    except BaseException:
        if len(rows) > before:
            _write(folder, shop, use, config, rows, planned, about)
            note(f"{len(rows)} of {planned} are finished: {folder / PAGE}")
        raise
    saved = _write(folder, shop, use, config, rows, planned, about)
    return _end(shop, folder, saved)


def _end(shop: Workshop, folder: Path, saved: dict[str, Any]) -> Path:
    """Say what was made, and where; return the folder."""
    _print(shop, folder, saved)
    for line in _said(shop, saved):
        note(line)
    note(f"{len(saved['rows'])} made, in {folder}; page: {(folder / PAGE).resolve()}")
    return folder


def _print(shop: Workshop, folder: Path, saved: dict[str, Any]) -> None:
    if shop.options.json:
        made = [{"name": row["name"], **row["numbers"]} for row in saved["rows"]]
        together = {key: saved[key] for key in ("diversity", "scores") if key in saved}
        print_json({"folder": str(folder), "mode": shop.method.mode, "made": made, **together})


def _warnings(shop: Workshop) -> list[dict[str, Any]]:
    return [{"key": key, "values": values} for key, values in shop.warnings]


def _say_warnings(shop: Workshop, warnings: list[dict[str, Any]]) -> None:
    from offmanifold.reports.synthesis import sentence  # beside matplotlib, which takes a second

    for w in warnings:
        note(f"warning: {sentence(w['key'], w['values'], shop.options.language)}")


def _said(shop: Workshop, saved: dict[str, Any]) -> list[str]:
    from offmanifold.reports.synthesis import said

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
    saved = {
        "schema": SCHEMA,
        "use": use,
        "config": config,
        "planned": planned,
        "model": shop.loaded.card.label,
        "manifold": None if shop.manifold is None else shop.manifold.card.spec,
        "warnings": _warnings(shop),
        "rows": described(rows),
        **_about_all(about, rows),
    }

    def write(new: Path) -> None:
        write_tensors(new / PICTURES, pictures_of(rows))
        write_json(new / SAVED, saved)
        _draw(new, rows, shop.options.language)

    with deferred_interrupt() as interrupted:  # a first Ctrl-C waits, or all would be lost
        replace_folder(folder, write)
    if (ended := interrupted()) is not None:
        raise ended
    return saved


def _about_all(
    about: Callable[[Sequence[Row]], dict[str, Any]], rows: Sequence[Row]
) -> dict[str, Any]:
    """Return what is said of all rows; nothing where a file or memory lacks: all is saved."""
    try:
        return about(rows)
    except (InputError, MemoryError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise  # a bug
        note(f"the images are saved without what is said of all together: {error}")
        return {}


def _draw(folder: Path, rows: Sequence[Row], language: str) -> None:
    """Write the pictures and the page of rows that are in a folder."""
    from offmanifold.reports.synthesis import synthesis_page

    for row in rows:
        for column, x in row.pictures.items():
            names = [] if column == RESULT else [column]
            place = inside(folder, *names, f"{row.name}.png", source=folder / SAVED)
            place.parent.mkdir(exist_ok=True)
            shown = x / 2 + 0.5 if column == "change" else x
            save_grid(shown[None], place, 1, scale=1)
    synthesis_page(folder, folder / PAGE, language)


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
