"""A folder of made images: batches as they are finished, then PNG files and a record of all."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from offmanifold._core.errors import InputError, named_write_errors
from offmanifold._core.files import make_folder, neighbour, target, write_tensors
from offmanifold._core.folders import check_place, recover, replace_folder
from offmanifold._core.interrupts import deferred_interrupt
from offmanifold._core.locks import LOCK, held
from offmanifold._core.log import note
from offmanifold._core.runs import ROOT, identity
from offmanifold.synthesis.batching import is_out_of_memory
from offmanifold.synthesis.capacity import check_room
from offmanifold.synthesis.identity import identity_of
from offmanifold.synthesis.presentation import PLAIN, Presentation, draw_pictures, warn
from offmanifold.synthesis.schema import (
    PICTURES,
    SCHEMA,
    Config,
    Diversity,
    GalleryRecord,
    Scores,
    read_gallery,
    write_gallery,
)
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.store import Row, described, finished_rows, keep, pictures_of


@dataclass(frozen=True)
class Gallery:
    """A folder of made images, as PNG files and tensors, and the record of them."""

    folder: Path
    record: GalleryRecord


@dataclass(frozen=True)
class Together:
    """What is recorded of all images of a gallery together; see `GalleryRecord`."""

    diversity: Diversity | None = None
    scores: Scores | None = None
    altered: dict[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Order:
    """Which images a use makes.

    planned: how many. make: from the number of rows that are there, the others in batches.
    settings: what, beside the session, changes the rows. about: from the rows, what is recorded of
    them together.
    """

    use: str
    planned: int
    make: Callable[[int], Iterator[Sequence[Row]]]
    settings: Mapping[str, object]
    about: Callable[[Sequence[Row]], Together] = lambda rows: Together()


def make_gallery(
    session: Session,
    order: Order,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Make the rows that are not there yet, and write them all into a folder.

    folder: by default `runs/<use>-<hash>`. It is held meanwhile, so that a second process that
    would write there is refused. Each batch is written when it is finished: whatever ends this, a
    kill or a full disk too, it is kept, and the same call then makes the others. Raises InputError
    where the folder holds something else or cannot be written.
    """
    more = {"planned": order.planned, **order.settings}
    config = json.loads(json.dumps(identity_of(session, order.use, more)))
    place = target(Path(folder) if folder else ROOT / f"{order.use}-{identity(config)}")
    make_folder(place.parent)
    with held(place, neighbour(place, LOCK)):
        return Gallery(place, _made(session, order, config, place, presentation))


def _made(
    session: Session,
    order: Order,
    config: Config,
    folder: Path,
    presentation: Presentation,
) -> GalleryRecord:
    recover(folder)
    planned = order.planned
    rows, batches = finished_rows(folder, config)
    if len(rows) == planned and not batches:
        note(f"all {planned} are there already: pictures and page are drawn again")
        record = read_gallery(folder)
        warn(record.warnings, presentation)
        with named_write_errors(folder):
            draw_pictures(folder, rows, presentation)
        return record
    check_place(folder)
    check_room(folder, planned, len(rows), session.shape)
    if rows:
        note(f"{len(rows)} of {planned} are there already: going on")
    warn(session.warnings, presentation)
    before = len(rows) - batches
    try:
        for batch in order.make(len(rows)) if len(rows) < planned else ():
            keep(folder, config, len(rows), batch)
            rows += batch
    except BaseException:
        if len(rows) > before:
            _write(folder, session, order, config, rows, presentation)
            note(f"{len(rows)} of {planned} are finished: {folder}")
        raise
    return _write(folder, session, order, config, rows, presentation)


def _write(
    folder: Path,
    session: Session,
    order: Order,
    config: Config,
    rows: list[Row],
    presentation: Presentation,
) -> GalleryRecord:
    """Write all rows, as pictures and their record, in place of the batches; return the record."""
    record = GalleryRecord(
        schema=SCHEMA,
        use=order.use,
        config=config,
        planned=order.planned,
        model=session.loaded.card.label,
        manifold=None if session.manifold is None else session.manifold.card.spec,
        warnings=session.warnings,
        rows=described(rows),
        **vars(_about_all(order.about, rows)),
    )

    def write(new: Path) -> None:
        write_tensors(new / PICTURES, pictures_of(rows))
        write_gallery(new, record)
        draw_pictures(new, rows, presentation)

    with deferred_interrupt() as interrupted:  # a first Ctrl-C waits, or all would be lost
        replace_folder(folder, write)
    if (ended := interrupted()) is not None:
        raise ended
    return record


def _about_all(about: Callable[[Sequence[Row]], Together], rows: Sequence[Row]) -> Together:
    """Return what is said of all rows; nothing where a file or memory lacks: all is saved."""
    try:
        return about(rows)
    except (InputError, MemoryError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise  # a bug
        note(f"the images are saved without what is said of all together: {error}")
        return Together()
