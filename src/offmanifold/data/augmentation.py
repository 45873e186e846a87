"""Random shifts and mirrorings of training images, each image by its own draw."""

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import Randomness, uniform


def augment(x: Tensor, shift: int, flip: bool, generator: Randomness) -> Tensor:
    """Return images shifted by whole pixels and mirrored left–right.

    x: (n, c, h, w). shift: each image moves down and right by its own draws from −shift … shift;
    what comes in at an edge is the image reflected there (the border itself not repeated). flip:
    each image is mirrored first with probability ½. Every image takes three draws, whatever is
    asked for. Raises InputError for a shift that is negative or not below height and width.

    >>> augment(torch.rand(2, 1, 8, 8), 2, True, torch.Generator()).shape
    torch.Size([2, 1, 8, 8])
    """
    n, c, h, w = x.shape
    check_shift(shift, (c, h, w))
    draws = uniform(n, (3,), generator)
    down, right = ((2 * shift + 1) * draws[:, :2]).floor().long().sub(shift).unbind(1)
    rows = _reflected(torch.arange(h) - down[:, None], h)
    columns = _reflected(torch.arange(w) - right[:, None], w)
    if flip:
        columns = torch.where(draws[:, 2:] < 0.5, w - 1 - columns, columns)
    images, channels = torch.arange(n)[:, None, None, None], torch.arange(c)[:, None, None]
    return x[images, channels, rows[:, None, :, None], columns[:, None, None, :]]


def check_shift(shift: int, shape: tuple[int, int, int]) -> None:
    """Raise InputError unless images of shape (c, h, w) can be shifted so far."""
    if not 0 <= shift < min(shape[1:]):
        raise InputError(
            f"shift must be at least 0 and below the images' {shape[1]}×{shape[2]} pixels, "
            f"not {shift}"
        )


def _reflected(place: Tensor, size: int) -> Tensor:
    """Return places, at most size − 1 out of 0 … size − 1, reflected into it at its ends."""
    place = place.abs()
    return torch.minimum(place, 2 * (size - 1) - place)
