"""Images of files through one use, in pieces of the model's size, in batches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import file_hash
from offmanifold._core.progress import Bar, bar
from offmanifold.cli.gallery import make_gallery, numbers_of
from offmanifold.cli.given_images import (
    Fit,
    Tiles,
    alterations,
    fitted,
    names_of,
    read_pictures,
)
from offmanifold.cli.kept_rows import Row
from offmanifold.cli.scoring import ORIGINAL, errors_of, scores_of
from offmanifold.cli.synthesising import Workshop
from offmanifold.synthesis import Synthesis
from offmanifold.synthesis.batching import in_batches

Named = dict[str, Tensor]
Work = Callable[[Tensor, Bar], tuple[Synthesis, Named]]


@dataclass(frozen=True)
class Given:
    """Image files, each cut into pieces of one size."""

    paths: tuple[Path, ...]
    tiles: tuple[Tiles, ...]

    @property
    def pieces(self) -> Tensor:
        """The pieces (k, c, h, w) of all files, one after the other."""
        return torch.cat([t.pieces for t in self.tiles])


def read_files(
    paths: Sequence[Path],
    shop: Workshop,
    fit: Fit | None,
    size: tuple[int, int] | None = None,
    *,
    tiled: bool = True,
) -> Given:
    """Return image files as pieces of a size (h, w), the model's by default; raises InputError.

    tiled: whether the use can work in pieces.
    """
    if not paths:
        raise InputError("no image given; give one file or more")
    wanted = size or shop.shape[1:]
    whites = None if shop.data is None else shop.data.info.get("whites")
    pictures = zip(read_pictures(paths, shop.shape[0], whites), paths, strict=True)
    read = (fitted(x, wanted, fit, path, tiled=tiled) for x, path in pictures)
    return Given(tuple(paths), tuple(read))


def gallery_of_files(
    shop: Workshop,
    use: str,
    given: Given,
    work: Work,
    passes: int,
    settings: dict[str, object],
    *,
    seen: str = "given",
    scale: int = 1,
    original: Tensor | None = None,
    **more: Tensor,
) -> Path:
    """Make an image of each file and save all; return the folder.

    work: from the places (m,) of some pieces to what was made of them and {column: (m, c, h, w)},
    `RESULT` among them. passes: steps of the bar a batch. seen: the column in which the class
    before is seen. scale: how much larger results are.
    original: the true pieces (k, c, h, w), where they are known. more: (k,) numbers of the pieces.
    """
    names = names_of(given.paths)
    counts = [len(t.pieces) for t in given.tiles]
    places = torch.arange(sum(counts)).split(counts)  # of each file's pieces

    def make(first: int) -> Iterator[list[Row]]:
        groups = list(_groups(counts, first, shop.size))
        batches = sum(-(-sum(counts[f] for f in g) // shop.size) for g in groups)
        with bar(use, passes * batches) as progress:
            for files in groups:
                rows = torch.cat([places[f] for f in files])

                def run(at: Tensor, rows: Tensor = rows) -> tuple[list[dict[str, Any]], Named]:
                    made, named = work(rows[at], progress)
                    own = {key: values[rows[at]] for key, values in more.items()}
                    return numbers_of(shop, made, named[seen], **own), named

                parts = list(in_batches(run, len(rows), shop.size))
                numbers = [n for batch, _ in parts for n in batch]
                columns = {} if original is None else {ORIGINAL: original[rows]}
                columns |= {c: torch.cat([p[c].cpu() for _, p in parts]) for c in parts[0][1]}
                start, batch = 0, []
                for f in files:
                    own, start = slice(start, start + counts[f]), start + counts[f]
                    whole = {c: given.tiles[f].whole(x[own], scale) for c, x in columns.items()}
                    error = {} if original is None else {"error": errors_of(whole)}
                    batch.append(Row(names[f], whole, {**_together(numbers[own]), **error}))
                yield batch

    hashed = {**settings, "images": [file_hash(p) for p in given.paths], "names": names}
    hashed["degraded"] = original is not None

    def about(rows: Sequence[Row]) -> dict[str, Any]:
        scores = {} if original is None else {"scores": scores_of(rows)}
        return {**scores, "altered": _altered(given, shop.shape[0])}

    return make_gallery(shop, use, len(given.paths), make, hashed, about)


def _altered(given: Given, channels: int) -> dict[str, list[str]]:
    """Return {alteration: the files so altered before anything was made of them}."""
    found: dict[str, list[str]] = {}
    for path, tiles in zip(given.paths, given.tiles, strict=True):
        for what in alterations(path, channels, tiles.size):
            found.setdefault(what, []).append(path.name)
    return found


def _groups(counts: Sequence[int], first: int, size: int) -> Iterator[list[int]]:
    """Yield files, from `first` on, whose pieces together are at most a batch, or one file."""
    group: list[int] = []
    for file in range(first, len(counts)):
        if group and sum(counts[f] for f in [*group, file]) > size:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _together(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the numbers of an image from those of its pieces."""
    if len(pieces) == 1:
        return pieces[0]
    return {"pieces": len(pieces), "norm": math.hypot(*(one["norm"] for one in pieces))}
