"""Images of files through one use, in pieces of the model's size, in batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from offmanifold.commands.gallery import RESULT, Row, make_gallery, rows_of
from offmanifold.commands.given_images import Fit, Tiles, fitted, names_of, read_picture
from offmanifold.commands.synthesising import Workshop
from offmanifold.errors import InputError
from offmanifold.files import file_hash
from offmanifold.progress import Bar, bar
from offmanifold.synthesis import Synthesis
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.result import join

Named = dict[str, Tensor]
Work = Callable[[Tensor, Bar], tuple[Synthesis, Named]]


@dataclass(frozen=True)
class Given:
    """Image files as pieces: pieces (k, c, h, w) of all files one after the other."""

    paths: tuple[Path, ...]
    tiles: tuple[Tiles, ...]

    @property
    def pieces(self) -> Tensor:
        """All pieces (k, c, h, w)."""
        return torch.cat([t.pieces for t in self.tiles])

    def rows(self, file: int) -> Tensor:
        """Return the places of a file's pieces among all."""
        start = sum(len(t.pieces) for t in self.tiles[:file])
        return torch.arange(start, start + len(self.tiles[file].pieces))


def read_files(
    paths: Sequence[Path], shop: Workshop, fit: Fit | None, size: tuple[int, int] | None = None
) -> Given:
    """Return image files as pieces of a size (h, w), the model's by default; raises InputError."""
    if not paths:
        raise InputError("no image given; give one file or more")
    wanted = size or shop.shape[1:]
    read = (fitted(read_picture(p, shop.shape[0]), wanted, fit, p) for p in paths)
    return Given(tuple(paths), tuple(read))


def gallery_of_files(
    shop: Workshop,
    use: str,
    given: Given,
    work: Work,
    passes: int,
    settings: dict[str, object],
    *,
    scale: int = 1,
) -> Path:
    """Make an image of each file and save all; return the folder.

    work: from the places (m,) of some pieces to what was made of them and {column: (m, c, h, w)},
    `RESULT` among them. passes: steps of the bar a batch. scale: how much larger results are.
    """
    names = names_of(given.paths)

    def make(first: int) -> Iterator[list[Row]]:
        groups = list(_groups(given, first, shop.size))
        batches = sum(-(-sum(len(given.rows(f)) for f in g) // shop.size) for g in groups)
        with bar(use, passes * batches) as progress:
            for files in groups:
                rows = torch.cat([given.rows(f) for f in files])
                parts = list(
                    in_batches(lambda at, rows=rows: work(rows[at], progress), len(rows), shop.size)
                )
                made = join([part[0] for part in parts])
                columns = {c: torch.cat([part[1][c].cpu() for part in parts]) for c in parts[0][1]}
                yield list(_rows(shop, given, names, files, made, columns, scale))

    hashed = {**settings, "images": [file_hash(p) for p in given.paths], "names": names}
    return make_gallery(shop, use, len(given.paths), make, hashed)


def _groups(given: Given, first: int, size: int) -> Iterator[list[int]]:
    """Yield files whose pieces together are about a batch."""
    group: list[int] = []
    for file in range(first, len(given.paths)):
        held = sum(len(given.rows(f)) for f in group)
        if group and held + len(given.rows(file)) > size:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _rows(
    shop: Workshop,
    given: Given,
    names: Sequence[str],
    files: Sequence[int],
    made: Synthesis,
    columns: Named,
    scale: int,
) -> Iterator[Row]:
    pieces = rows_of(shop, [""] * len(made), made, {RESULT: made.images})
    start = 0
    for file in files:
        tiles = given.tiles[file]
        stop = start + len(tiles.pieces)
        pictures = {c: tiles.whole(x[start:stop], scale) for c, x in columns.items()}
        if stop - start == 1:
            numbers = pieces[start].numbers
        else:
            norm = float(made.norms[start:stop].square().sum().sqrt())
            numbers = {"pieces": stop - start, "norm": norm}
        yield Row(names[file], pictures, numbers)
        start = stop
