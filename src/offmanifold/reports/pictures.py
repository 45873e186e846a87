"""Images and directions as PNG data URIs, on one stated scale."""

import base64
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from offmanifold._core.png import as_picture, drawn

STOPS = ((24, 66, 150), (132, 176, 222), (255, 255, 255), (240, 150, 126), (168, 20, 38))
_PALETTE = np.stack(
    [np.interp(np.linspace(0, 4, 255), range(5), [s[i] for s in STOPS]) for i in range(3)], axis=1
)
PALETTE = np.rint(_PALETTE).astype(np.uint8)
RANGES = (2, 2.5, 3, 3.5, 4, 5, 6, 8, 10, 12, 16, 24)


def _uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def picture(x: Tensor) -> str:
    """Draw an image x: (c, h, w) in [0, 1]."""
    return _uri(as_picture(x))


def save_grid(x: Tensor, path: Path, columns: int, *, scale: int = 2) -> None:
    """Save images x (n, c, h, w) in [0, 1] as one PNG, row by row, each pixel `scale` wide."""
    n, c, h, w = x.shape
    rows = -(-n // columns)
    sheet = torch.full((c, rows * (h + 1) - 1, columns * (w + 1) - 1), 0.5)
    for i, image in enumerate(x.cpu()):
        top, left = i // columns * (h + 1), i % columns * (w + 1)
        sheet[:, top : top + h, left : left + w] = image
    whole = as_picture(sheet)
    size = (whole.width * scale, whole.height * scale)
    whole.resize(size, Image.Resampling.NEAREST).save(path, format="PNG", optimize=True)


def direction(v: Tensor, c: float) -> str:
    """Draw a direction v: (c, h, w), from −c to c.

    One channel: blue over white (0) to red. Three: each channel about mid-grey.
    """
    values = (drawn(v) / c).clamp(-1, 1)
    if len(values) == 1:
        image = Image.fromarray((values[0] * 127 + 127).round().to(torch.uint8).numpy())
        image.putpalette(PALETTE.tobytes())
        return _uri(image)
    levels = (values * 127 + 128).round().to(torch.uint8).numpy()
    return _uri(Image.fromarray(levels.transpose(1, 2, 0)))


def colour_range(directions: list[Tensor], most: float = 0.02) -> tuple[float, float]:
    """Return k and the share of values beyond k/√d, for directions (m, c, h, w) of unit l2 norm.

    k is the least of `RANGES` at which at most the share `most` lies beyond.
    """
    scaled = torch.cat([v.float().abs().flatten() * v[0].numel() ** 0.5 for v in directions])
    scaled = torch.nan_to_num(scaled)
    share = 0.0
    for k in RANGES:
        share = (scaled > k).float().mean().item()
        if share <= most:
            return k, share
    return RANGES[-1], share


def choose(labels: list[int], count: int) -> list[int]:
    """Return up to `count` positions: the first image of each class, then the second, …

    Classes come in increasing order; images without a label (−1) come as they are saved.
    """
    rounds: dict[int, int] = {}
    order = []
    for position, label in enumerate(labels):
        turn = rounds.get(label, 0) if label >= 0 else 0
        rounds[label] = turn + 1
        order.append((turn, label, position))
    return [position for _, _, position in sorted(order)[:count]]
