"""Tensors as PNG pictures of 8 bits."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


def drawn(x: Tensor) -> Tensor:
    """Return the channels of x (c, h, w) that a picture can show: one, or the first three."""
    x = torch.nan_to_num(x.float())
    return x[:3] if x.shape[0] >= 3 else x[:1]


def as_picture(x: Tensor) -> Image.Image:
    """Return x (c, h, w) in [0, 1], clipped to it, as a picture in grey or in colour."""
    values = (drawn(x).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))


def write_png(x: Tensor, path: Path) -> None:
    """Write x (c, h, w) in [0, 1] as a PNG file."""
    as_picture(x.cpu()).save(path, format="PNG", optimize=True)
