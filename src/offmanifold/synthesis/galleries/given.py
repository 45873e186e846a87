"""Image files that a gallery is made of, cut into pieces of the model's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.synthesis.pictures import alterations, read_pictures
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.tiles import Fit, Tiles, fitted

Named = dict[str, Tensor]  # {column: (m, c, h, w)}
Files = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Given:
    """Image files, each cut into pieces of one size."""

    paths: tuple[Path, ...]
    tiles: tuple[Tiles, ...]

    @property
    def pieces(self) -> Tensor:
        """The pieces (k, c, h, w) of all files, one after the other."""
        return torch.cat([t.pieces for t in self.tiles])


def paths_of(files: Files) -> tuple[Path, ...]:
    """Return one file or more as paths; raises InputError for none."""
    given = [files] if isinstance(files, str | Path) else files
    if not given:
        raise InputError("no image given; give one file or more")
    return tuple(Path(file) for file in given)


def read_files(
    files: Files,
    session: Session,
    fit: Fit | None,
    size: tuple[int, int] | None = None,
    *,
    tiled: bool = True,
) -> Given:
    """Return image files as pieces of a size (h, w), the model's by default; raises InputError.

    tiled: whether the use can work in pieces.
    """
    paths = paths_of(files)
    wanted = size or session.shape[1:]
    whites = None if session.data is None else session.data.info.get("whites")
    pictures = zip(read_pictures(paths, session.shape[0], whites), paths, strict=True)
    read = (fitted(x, wanted, fit, path, tiled=tiled) for x, path in pictures)
    return Given(paths, tuple(read))


def altered(given: Given, channels: int) -> dict[str, tuple[str, ...]]:
    """Return {alteration: the files so altered before anything was made of them}."""
    found: dict[str, tuple[str, ...]] = {}
    for path, tiles in zip(given.paths, given.tiles, strict=True):
        for what in alterations(path, channels, tiles.size):
            found[what] = (*found.get(what, ()), path.name)
    return found
