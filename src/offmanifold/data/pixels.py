"""Pixels made alike: one size, one number of channels, and a hash of what they were."""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = torch.tensor([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow's mode "L"


def short_hash(content: bytes | memoryview) -> str:
    """Return the first 16 hex digits of sha256."""
    return hashlib.sha256(content).hexdigest()[:16]


def to_unit(pixels: np.ndarray) -> Tensor:
    """Return uint8 pixels as float32 in [0, 1] (by numpy: small batches gain no threads)."""
    return torch.from_numpy(np.divide(pixels, 255, dtype=np.float32))


def to_channels(x: Tensor, channels: int | None) -> Tensor:
    """Return x (…, c, h, w) as grey (ITU-R 601 luma) or RGB (grey repeated); None leaves it.

    Raises ValueError where there is no rule from c to `channels`.
    """
    c = x.shape[-3]
    if channels is None or channels == c:
        return x
    if c == 1:
        return x.expand(*x.shape[:-3], channels, *x.shape[-2:])
    if c == 3 and channels == 1:
        return (x * LUMA[:, None, None]).sum(-3, keepdim=True)
    raise ValueError(f"no rule from {c} to {channels} channels")


def resize_and_crop(x: Tensor, size: tuple[int, int] | None) -> Tensor:
    """Return x (n, c, h, w) scaled until it just covers `size` (h, w), then cropped centrally.

    The ratio of the sides is kept; bilinear, antialiased, so no value leaves the range of x.
    """
    if size is None or tuple(x.shape[-2:]) == size:
        return x
    scale = max(wanted / given for wanted, given in zip(size, x.shape[-2:], strict=True))
    covering = [
        max(wanted, math.floor(given * scale + 0.5))
        for wanted, given in zip(size, x.shape[-2:], strict=True)
    ]
    x = F.interpolate(x, covering, mode="bilinear", align_corners=False, antialias=True)
    top, left = ((c - s) // 2 for c, s in zip(covering, size, strict=True))
    return x[..., top : top + size[0], left : left + size[1]]
