"""Tensors of images that a caller gives, checked once at the door; loops within do not pay for it.

Points with noise lie beyond [0, 1] rightly: they are no images, and are not checked here.
"""

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.data.types import ROUNDING, check_images


def check_shape(x: Tensor) -> None:
    """Raise InputError unless images are (n, c, h, w) of floating-point numbers."""
    if not isinstance(x, Tensor) or x.ndim != 4 or not x.is_floating_point():
        found = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x)
        raise InputError(
            f"images must be floating-point tensors of shape (n, c, h, w) in [0, 1], not {found}"
        )


def check_noisy(x: Tensor, sigma: float | Tensor) -> None:
    """Raise InputError unless images (n, c, h, w) are finite, and noise can have made them.

    sigma: a standard deviation per pixel, or (n,): no pixel lies 8 of them beyond [0, 1].
    """
    check_shape(x)
    largest = float(torch.as_tensor(sigma).max()) if torch.as_tensor(sigma).numel() else 0.0
    if x.numel():
        check_images(x.detach(), "the tensor of noisy images", ROUNDING + 8 * max(0.0, largest))


def check_given(x: Tensor, where: str = "the tensor of images") -> None:
    """Raise InputError unless images (n, c, h, w) are finite and in [0, 1]; names what was found.

    >>> import torch
    >>> check_given(255 * torch.eye(2).view(1, 1, 2, 2))
    Traceback (most recent call last):
    ...
    offmanifold.InputError: the tensor of images holds values from 0 to 255; images \
must lie in [0, 1] (divide 8-bit images by 255)
    """
    check_shape(x)
    if x.numel():
        check_images(x.detach(), where)
