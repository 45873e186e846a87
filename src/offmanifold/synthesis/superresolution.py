"""Images of more pixels than were given."""

import torch
from torch import nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import Bar
from offmanifold.data.checks import check_given
from offmanifold.manifolds import Manifold
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import BlockMeans
from offmanifold.synthesis.filling import device_of, fill
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.shapes import Classes, Index, LargeImages, SmallImages

RADIUS = 0.1  # of the ball, in √d


@in_float32()
def superresolve(
    model: nn.Module,
    low: SmallImages,
    r: int,
    y: Classes | None = None,
    method: Method | None = None,
    *,
    manifold: Manifold | None = None,
    index: Index | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images (n, c, r·h, r·w) whose means over r×r blocks are low (n, c, h, w).

    y: (n,) classes; by default `method.candidates` are tried, and each image is the one that the
    classifier likes best. An ascent starts from the bicubic image, put to the block means, in a
    ball of radius .1·√d by default. Raises InputError unless r is 2 or more.
    """
    if r < 2:
        raise InputError(f"super-resolution needs a factor of 2 or more, not {r}")
    check_given(low)
    method = (method or Method()).settled(manifold)
    method = method.completed(eps=RADIUS * r * low[0:1].numel() ** 0.5 or 1.0)
    low = low.to(device_of(model))
    means = BlockMeans(low, r)
    start = consistent_bicubic(low, r)
    return fill(model, start, y, method, manifold=manifold, index=index, constraint=means, bar=bar)


def bicubic(low: SmallImages, r: int) -> LargeImages:
    """Return images enlarged r times bicubically, (n, c, r·h, r·w) in [0, 1]."""
    check_given(low)
    large = F.interpolate(low, scale_factor=r, mode="bicubic", align_corners=False)
    return large.clamp(0, 1)


def consistent_bicubic(low: SmallImages, r: int) -> LargeImages:
    """Return the bicubic image, put to the block means it came from."""
    return BlockMeans(low, r).project(bicubic(low, r), torch.arange(len(low)))
