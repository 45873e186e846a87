"""Convex sets that images must stay in: the box alone, known pixels, given block means.

Each set lies within [0, 1] and has a projection and a tangent space. The straight way between two
of its points stays in it, so that an image may be shrunk towards its start without leaving it.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

BISECTIONS = 30  # halvings of the shift of a block: 2⁻³⁰


@runtime_checkable
class Constraint(Protocol):
    """What the images of a batch must satisfy; rows: (m,) places in that batch."""

    def project(self, x: Tensor, rows: Tensor) -> Tensor:
        """Return a point of the set near each image (m, c, h, w)."""
        ...

    def tangent(self, v: Tensor, rows: Tensor) -> Tensor:
        """Return the part of each direction (m, c, h, w) along the set, the box left aside."""
        ...


class Box:
    """[0, 1]."""

    def project(self, x: Tensor, rows: Tensor) -> Tensor:
        return x.clamp(0, 1)

    def tangent(self, v: Tensor, rows: Tensor) -> Tensor:
        return v


@dataclass(frozen=True)
class KnownPixels:
    """Pixels outside a hole are those of given images, bit by bit.

    x: (n, c, h, w) in [0, 1]. hole: (n, 1, h, w) bool, true where pixels are to be made.
    """

    x: Tensor
    hole: Tensor

    def project(self, x: Tensor, rows: Tensor) -> Tensor:
        return torch.where(self.hole[rows], x.clamp(0, 1), self.x[rows])

    def tangent(self, v: Tensor, rows: Tensor) -> Tensor:
        return v * self.hole[rows]


@dataclass(frozen=True)
class BlockMeans:
    """Means over r×r blocks are those given.

    low: (n, c, h / r, w / r) in [0, 1].
    """

    low: Tensor
    r: int

    def project(self, x: Tensor, rows: Tensor) -> Tensor:
        """Shift each block by λ so that clip(x + λ, 0, 1) has its mean: the nearest such point."""
        low, blocks = self.low[rows].to(x)[..., None], self._blocks(x)
        shifted = blocks + low - blocks.mean(-1, keepdim=True)
        if bool(((shifted >= 0) & (shifted <= 1)).all()):
            return self._images(shifted)
        least, most = -blocks.amax(-1, keepdim=True), 1 - blocks.amin(-1, keepdim=True)
        for _ in range(BISECTIONS):
            middle = (least + most) / 2
            below = (blocks + middle).clamp(0, 1).mean(-1, keepdim=True) < low
            least, most = torch.where(below, middle, least), torch.where(below, most, middle)
        return self._images((blocks + (least + most) / 2).clamp(0, 1))

    def tangent(self, v: Tensor, rows: Tensor) -> Tensor:
        return v - enlarged(F.avg_pool2d(v, self.r), self.r)

    def _blocks(self, x: Tensor) -> Tensor:
        """(m, c, h, w) → (m, c, h / r, w / r, r²)."""
        m, c, h, w = x.shape
        tiled = x.reshape(m, c, h // self.r, self.r, w // self.r, self.r)
        return tiled.permute(0, 1, 2, 4, 3, 5).flatten(4)

    def _images(self, blocks: Tensor) -> Tensor:
        m, c, h, w, _ = blocks.shape
        tiled = blocks.reshape(m, c, h, w, self.r, self.r).permute(0, 1, 2, 4, 3, 5)
        return tiled.reshape(m, c, h * self.r, w * self.r)


def enlarged(low: Tensor, r: int) -> Tensor:
    """Return images (…, h, w) with each pixel repeated r × r times."""
    return low.repeat_interleave(r, -2).repeat_interleave(r, -1)
