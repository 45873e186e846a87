"""The few images on which a module is tried before its numbers are believed."""

import torch
from torch import Tensor

from offmanifold._core.randomness import seed_of
from offmanifold.data.types import Data

REAL, DRAWN = 5, 3
EXTREME = 1000.0  # far outside [0, 1]: a logit leaves any interval there, a probability does not


def some_images(data: Data) -> Tensor:
    """Return a few real images (n ≤ REAL, c, h, w), of training where there are any."""
    part = next((p for p in (data.train, data.val, data.test) if len(p)), data.test)
    few = part.subset(REAL)
    return few.read(few.rows).x


def drawn_images(shape: tuple[int, int, int]) -> Tensor:
    """Return DRAWN images in [0, 1], none flat: grey noise, dim noise, a chequered board."""
    c, h, w = shape
    generator = torch.Generator().manual_seed(seed_of("first batch", shape))
    noise = torch.rand(2, c, h, w, generator=generator, dtype=torch.float32)
    side = max(1, min(4, h // 2, w // 2))
    rows, columns = torch.arange(h) // side, torch.arange(w) // side
    board = ((rows[:, None] + columns) % 2).float().expand(c, h, w)
    return torch.stack([noise[0], 0.1 + 0.2 * noise[1], 0.05 + 0.9 * board])
