"""Images with a hole, filled."""

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import Bar
from offmanifold.data.checks import check_given, check_shape
from offmanifold.manifolds import Manifold
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import KnownPixels
from offmanifold.synthesis.filling import device_of, fill
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.shapes import Classes, Holes, Images, Index

WHITE = "white pixels are filled, black ones kept"
RADIUS = 0.6  # of the ball, in √(numbers missing)


@in_float32()
def inpaint(
    model: nn.Module,
    x: Images,
    hole: Holes,
    y: Classes | None = None,
    method: Method | None = None,
    *,
    manifold: Manifold | None = None,
    index: Index | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images x (n, c, h, w) with the pixels of a hole made anew and all others kept bitwise.

    hole: (n, 1, h, w), or (1, 1, h, w) for all; true or above ½ where pixels are missing, whose
    values in x are never looked at. y: (n,) classes; by default `method.candidates` are tried, and
    each image is the one that the classifier likes best. An ascent starts from the mean of the
    known pixels, in a ball of radius .6√m by default, m the number of values missing. Raises
    InputError for a hole of another size, or one that is everything or nothing.
    """
    check_shape(x)
    hole = checked_hole(hole, x)
    check_given(torch.where(hole, 0, x))
    method = (method or Method()).settled(manifold)
    missing = hole.flatten(1).sum(1) * x.shape[1]
    device = device_of(model)
    x, hole = x.to(device), hole.to(device)
    return fill(
        model,
        mean_fill(x, hole),
        y,
        method,
        manifold=manifold,
        index=index,
        constraint=KnownPixels(x, hole),
        radii=None if method.ascent.eps else RADIUS * missing.sqrt(),
        bar=bar,
    )


def mean_fill(x: Images, hole: Holes) -> Images:
    """Return x with the hole filled by each image's mean of known pixels, channel by channel."""
    check_given(torch.where(hole, 0, x))
    known = (~hole).to(x)
    total = known.flatten(1).sum(1).clamp(min=1)[:, None, None, None]
    mean = (torch.where(hole, 0, x)).sum((2, 3), keepdim=True) / total
    return torch.where(hole, mean, x)


def checked_hole(hole: Tensor, x: Tensor) -> Tensor:
    """Return a hole as bool (n, 1, h, w); raises InputError where it cannot be one."""
    wanted = f"{x.shape[-2]}×{x.shape[-1]}"
    if hole.ndim != 4 or hole.shape[1] != 1 or hole.shape[0] not in (1, len(x)):
        raise InputError(
            f"a mask has one channel and shape (n, 1, {wanted}) or (1, 1, {wanted}), not "
            f"{tuple(hole.shape)}"
        )
    if hole.shape[-2:] != x.shape[-2:]:
        given = f"{hole.shape[-2]}×{hole.shape[-1]}"
        raise InputError(
            f"the mask is {given} and the image {wanted}; give a mask of its size: {WHITE}"
        )
    hole = (hole if hole.dtype == torch.bool else hole > 0.5).expand(len(x), -1, -1, -1)
    shares = hole.flatten(1).float().mean(1)
    if bool((shares == 0).any()):
        raise InputError(
            f"the mask ({wanted}) is nowhere brighter than mid-grey, so that no pixel is to be "
            f"filled; {WHITE}"
        )
    if bool((shares == 1).any()):
        raise InputError(
            f"the mask ({wanted}) is brighter than mid-grey everywhere, so that no pixel is known; "
            f"{WHITE}"
        )
    return hole
