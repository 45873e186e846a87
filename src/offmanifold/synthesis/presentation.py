"""How made images are presented: PNG files, a page, and warnings put into words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offmanifold._core.files import inside
from offmanifold._core.log import note
from offmanifold._core.png import write_png
from offmanifold._core.reasons import Reason
from offmanifold.synthesis.schema import RESULT, SAVED
from offmanifold.synthesis.store import Row


def _no_page(folder: Path) -> None:
    """Write no page."""


@dataclass(frozen=True)
class Presentation:
    """How a gallery is presented. words: of a warning. page: writes a page into its folder."""

    words: Callable[[Reason], str] = str
    page: Callable[[Path], object] = _no_page


PLAIN = Presentation()  # English, without a page


def warn(warnings: Sequence[Reason], presentation: Presentation) -> None:
    """Say warnings, in the words of a presentation."""
    for warning in warnings:
        note(f"warning: {presentation.words(warning)}")


def draw_pictures(folder: Path, rows: Sequence[Row], presentation: Presentation) -> None:
    """Write the pictures and the page of rows that are in a folder."""
    for row in rows:
        for column, x in row.pictures.items():
            names = [] if column == RESULT else [column]
            place = inside(folder, *names, f"{row.name}.png", source=folder / SAVED)
            place.parent.mkdir(exist_ok=True)
            write_png(x / 2 + 0.5 if column == "change" else x, place)
    presentation.page(folder)
