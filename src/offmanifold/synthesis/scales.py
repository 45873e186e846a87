"""Steps of an image that is parametrised at several resolutions at once."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.synthesis.rules import unit
from offmanifold.synthesis.shapes import Directions


def multi_resolution(gradient: Directions, scales: Sequence[int]) -> Directions:
    """Return Σᵣ UᵣUᵣᵀ g/‖UᵣUᵣᵀ g‖: the step of x = Σᵣ Uᵣ Pᵣ along the gradient of all Pᵣ.

    gradient: (n, c, h, w). scales: r of each parameter Pᵣ (n, c, ⌈h/r⌉, ⌈w/r⌉), which Uᵣ enlarges
    bilinearly; 1 is the image itself. Each resolution gets an equal share of the step. UᵣUᵣᵀ is
    positive semidefinite, so that the sum goes up where the gradient does (after Fort and Whitaker
    2025, "Direct ascent synthesis").
    """
    if tuple(scales) == (1,):
        return gradient
    total = torch.zeros_like(gradient)
    for r in scales:
        total += unit(gradient if r == 1 else _through(gradient, r))
    return total


def check_scales(scales: Sequence[int], size: Sequence[int]) -> None:
    """Raise InputError for a scale larger than images of a size (h, w), which have no such one."""
    if max(scales, default=1) > max(size):
        h, w = size
        raise InputError(
            f"a scale of {max(scales)} is more than the {h}×{w} pixels of an image; its largest is "
            f"{max(size)}, one value for the whole image"
        )


def _through(g: Tensor, r: int) -> Tensor:
    """Return UᵣUᵣᵀ g."""
    n, c, h, w = g.shape
    with torch.enable_grad():
        low = g.new_zeros(n, c, -(-h // r), -(-w // r)).requires_grad_()
        high = F.interpolate(low, (h, w), mode="bilinear", align_corners=False)
        (pulled,) = torch.autograd.grad(high, low, g)
    return F.interpolate(pulled, (h, w), mode="bilinear", align_corners=False)
