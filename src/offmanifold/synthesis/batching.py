"""Many images in batches that fit the memory."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from offmanifold._core.log import note

R = TypeVar("R")
MOST, PIXELS = 64, 400_000  # images, and numbers, in a batch


def comfortable(shape: tuple[int, ...]) -> int:
    """Return how many images (c, h, w) fit a batch whatever the network."""
    return max(1, min(MOST, PIXELS // max(1, torch.Size(shape).numel())))


def in_batches(
    run: Callable[[torch.Tensor], R], n: int, size: int, *, first: int = 0
) -> Iterator[R]:
    """Yield run(rows) for the rows first … n − 1, at most `size` at a time.

    A batch that does not fit the memory is done again in halves, and all later ones are as small;
    one image that does not fit raises what torch raised.
    """
    start = first
    while start < n:
        rows = torch.arange(start, min(n, start + size))
        try:
            result = run(rows)
        except RuntimeError as error:
            if len(rows) == 1 or not is_out_of_memory(error):
                raise
            size = len(rows) // 2
            note(f"{len(rows)} images at a time do not fit the memory: going on with {size}")
            continue
        yield result
        start += len(rows)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory: on a GPU, or (in its own words) on the CPU."""
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in text
