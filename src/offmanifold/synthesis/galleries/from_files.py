"""Images of files through one use, in pieces of the model's size, in batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from offmanifold._core.files import file_hash
from offmanifold._core.progress import Bar, bar
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.galleries.given import Given, Named, altered
from offmanifold.synthesis.gallery import Order, Together
from offmanifold.synthesis.numbers import numbers_of, of_the_whole
from offmanifold.synthesis.pictures import names_of
from offmanifold.synthesis.reconstruction import ORIGINAL, errors_of, scores_of
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import Numbers
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.store import Row

Work = Callable[[Tensor, Bar], tuple[Synthesis, Named]]


@dataclass(frozen=True)
class Pieces:
    """What a use does with the pieces of files.

    work: from the places (m,) of some pieces to what was made of them and {column: (m, c, h, w)},
    `RESULT` among them. passes: steps of the bar a batch. seen: the column in which the class
    before is seen. scale: how much larger results are. original: the true pieces (k, c, h, w),
    where they are known. numbers: (k,) of the pieces, by their name in `Numbers`.
    """

    work: Work
    passes: int
    seen: str = "given"
    scale: int = 1
    original: Tensor | None = None
    numbers: Mapping[str, Tensor] = field(default_factory=dict)


def order_of_files(
    session: Session, use: str, given: Given, pieces: Pieces, settings: Mapping[str, object]
) -> Order:
    """Return the order to make an image of each file. settings: what of the use changes them."""
    original = pieces.original
    names = names_of(given.paths)
    counts = [len(t.pieces) for t in given.tiles]
    places = torch.arange(sum(counts)).split(counts)  # of each file's pieces

    def made(rows: Tensor, progress: Bar) -> tuple[list[Numbers], Named]:
        """Return the numbers of some pieces, and {column: (m, c, h, w)}."""

        def run(at: Tensor) -> tuple[list[Numbers], Named]:
            made, named = pieces.work(rows[at], progress)
            own = {key: values[rows[at]] for key, values in pieces.numbers.items()}
            return numbers_of(session, made, named[pieces.seen], **own), named

        parts = list(in_batches(run, len(rows), session.size))
        columns = {} if original is None else {ORIGINAL: original[rows]}
        columns |= {c: torch.cat([p[c].cpu() for _, p in parts]) for c in parts[0][1]}
        return [n for batch, _ in parts for n in batch], columns

    def row(file: int, columns: Named, numbers: Sequence[Numbers]) -> Row:
        tiles = given.tiles[file]
        whole = {c: tiles.whole(x, pieces.scale) for c, x in columns.items()}
        error = None if original is None else errors_of(whole)
        return Row(names[file], whole, of_the_whole(numbers, error))

    def make(first: int) -> Iterator[list[Row]]:
        groups = list(_groups(counts, first, session.size))
        batches = sum(-(-sum(counts[f] for f in g) // session.size) for g in groups)
        with bar(use, pieces.passes * batches) as progress:
            for files in groups:
                numbers, columns = made(torch.cat([places[f] for f in files]), progress)
                start, batch = 0, []
                for f in files:
                    own, start = slice(start, start + counts[f]), start + counts[f]
                    batch.append(row(f, {c: x[own] for c, x in columns.items()}, numbers[own]))
                yield batch

    def about(rows: Sequence[Row]) -> Together:
        scores = None if original is None else scores_of(rows)
        return Together(scores=scores, altered=altered(given, session.shape[0]))

    hashed = {**settings, "images": [file_hash(p) for p in given.paths], "names": names}
    hashed["degraded"] = original is not None
    return Order(use, len(given.paths), make, hashed, about)


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
