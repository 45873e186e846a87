"""A manifold of small images, asked about large ones through averages over blocks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.data.types import Data, Source, Split
from offmanifold.manifolds.base import ManifoldCard, check_clean, check_shape

LARGEST_SIDE = 64


def least_pooling(shape: tuple[int, int, int]) -> int:
    """Return the least r that brings the longer side of (c, h, w) to LARGEST_SIDE or below."""
    return -(-max(shape[1:]) // LARGEST_SIDE)


@dataclass(frozen=True)
class Blocks:
    """A: the central crop of (c, h, w) images to a multiple of r, averaged over r×r blocks.

    r²AᵀA is an orthogonal projection.
    """

    shape: tuple[int, int, int]
    r: int

    @property
    def small(self) -> tuple[int, int, int]:
        """Shape (c, h // r, w // r) of the averages."""
        c, h, w = self.shape
        return c, h // self.r, w // self.r

    def _crop(self) -> tuple[slice, slice]:
        _, h, w = self.shape
        top, left = h % self.r // 2, w % self.r // 2
        return slice(top, top + h - h % self.r), slice(left, left + w - w % self.r)

    def down(self, x: Tensor) -> Tensor:
        """Return Ax: (…, c, h, w) → (…, c, h // r, w // r)."""
        cropped = x[(..., *self._crop())]
        flat = cropped.reshape(-1, *cropped.shape[-3:])
        return F.avg_pool2d(flat, self.r).reshape(*x.shape[:-3], *self.small)

    def up(self, v: Tensor) -> Tensor:
        """Return Aᵀv: each block gets its value ÷ r², zero outside the crop."""
        big = v.repeat_interleave(self.r, -2).repeat_interleave(self.r, -1) / self.r**2
        result = big.new_zeros(*v.shape[:-3], *self.shape)
        result[(..., *self._crop())] = big
        return result

    def resolved(self, v: Tensor) -> Tensor:
        """Return r²AᵀAv: the part of v that the blocks resolve."""
        return self.r**2 * self.up(self.down(v))


class Pooled(nn.Module):
    """The protocols of a manifold fitted on r×r block means A, at the native resolution.

    tangent(x, v) = r²Aᵀ J(Ax) A v and score(x) = Aᵀ s(Ax), σ that of the pooled pixels. The energy
    of v splits exactly into on + off + unresolved, the part finer than the blocks or outside the
    crop, which is reported and never counted as off.
    """

    def __init__(self, estimator, r: int, shape: tuple[int, int, int]):
        super().__init__()
        self.estimator, self.r = estimator, r
        self.blocks = Blocks(shape, r)
        self.down, self.up = self.blocks.down, self.blocks.up
        self.card: ManifoldCard = replace(estimator.card, shape=shape)

    def shrink(self, v: Tensor) -> Tensor:
        """Return rAv (n, c, h // r, w // r): of the same norm where the blocks resolve v."""
        return self.r * self.down(v)

    def expand(self, v: Tensor) -> Tensor:
        """Return rAᵀv (n, c, h, w), of the same norm; `shrink` undoes it."""
        return self.r * self.up(v)

    def unresolved(self, v: Tensor) -> Tensor:
        """Return v − r²AᵀAv."""
        return v - self.blocks.resolved(v)

    def _small(self, x: Tensor) -> Tensor:
        check_clean(x, self.card)
        return self.down(x)

    def tangent(self, x, v, sigma=None, *, index=None) -> Tensor:
        inner = self.estimator.tangent(self._small(x), self.down(v), sigma, index=index)
        return self.r**2 * self.up(inner)

    def energy(self, x, v, sigma=None, *, index=None) -> Tensor:
        return self.r**2 * self.estimator.energy(self._small(x), self.down(v), sigma, index=index)

    def basis(self, x: Tensor, k: int | None = None, *, index=None) -> Tensor:
        small = self.estimator.basis(self._small(x), k, index=index)
        n, k, _ = small.shape
        return self.r * self.up(small.reshape(n, k, *self.blocks.small)).flatten(2)

    def dimension(self, x: Tensor, *, index=None) -> Tensor:
        return self.estimator.dimension(self._small(x), index=index)

    def spectrum(self, x: Tensor, k: int, *, index=None) -> Tensor:
        check_shape(x, self.card)
        return self.estimator.spectrum(self.down(x), k, index=index)

    def noisy(self, x: Tensor, sigma: float, index: Tensor | None) -> Iterator[Tensor]:
        """Yield x̃ for each draw: noise of σ a pooled pixel, constant over blocks."""
        check_shape(x, self.card)
        small = self.down(x)
        for noisy in self.estimator.noisy(small, sigma, index):
            yield x + self.r**2 * self.up(noisy - small)

    def score(self, x, y, sigma=None, *, index=None) -> Tensor:
        return self.up(self.estimator.score(self._small(x), y, sigma, index=index))

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma) -> Tensor:
        """Return the noisy image with its resolved part denoised; σ is of the pooled pixels."""
        check_shape(noisy, self.card)
        small = self.estimator.denoise(self.down(noisy), y, sigma)
        return self.unresolved(noisy) + self.r**2 * self.up(small)


class _PooledSource:
    """A source seen through block means."""

    def __init__(self, source: Source, blocks: Blocks):
        self.source, self.blocks = source, blocks
        self.shape, self.labels = blocks.small, source.labels

    def __len__(self) -> int:
        return len(self.source)

    @property
    def names(self):
        return self.source.names

    @property
    def hashes(self):
        return self.source.hashes

    def read(self, index: np.ndarray) -> Tensor:
        return self.blocks.down(self.source.read(index))

    def masks(self, index: np.ndarray) -> Tensor | None:
        return None


def pool_data(data: Data, r: int) -> Data:
    """Return the same data seen through r×r block means."""
    blocks = Blocks(data.shape, r)
    splits = [
        Split(_PooledSource(s.source, blocks), s.rows, s.classes)
        for s in (data.train, data.val, data.test)
    ]
    return Data(*splits, info=data.info)
