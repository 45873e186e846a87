"""Tensors of images that a caller gives, checked once at the door; loops within do not pay for it.

Points with noise lie beyond [0, 1] rightly: they are no images, and are not checked here.
"""

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError

ROUNDING = 1e-3  # beyond [0, 1], as whoever scales images may leave it


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


def check_images(x: np.ndarray | Tensor, where: str, rounding: float = ROUNDING) -> None:
    """Raise InputError unless every value is finite and in [0, 1]; names the range found.

    rounding: how far beyond [0, 1] a value may be.
    """
    x = x.detach() if isinstance(x, Tensor) else x
    low, high = float(x.min()), float(x.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{where} holds NaN or infinite values; images must lie in [0, 1]")
    if low < -rounding or high > 1 + rounding:
        raise InputError(
            f"{where} holds values from {low:.7g} to {high:.7g}; images must lie in [0, 1] "
            f"({mend_of(low, high)})"
        )


def mend_of(low: float, high: float) -> str:
    """Return what to do about images whose values reach from low to high, beyond [0, 1].

    >>> mend_of(0, 4095), mend_of(-1, 1)
    ('divide 12-bit images by 4095', 'put the normalisation into the model, not into the images')
    """
    if low < -ROUNDING:
        return "put the normalisation into the model, not into the images"
    bits = next((b for b in (8, 10, 12, 16) if high <= 2**b - 1), None)
    if bits is None or high <= 2:
        return "divide them by the largest value a pixel can have"
    return f"divide {bits}-bit images by {2**bits - 1}"
