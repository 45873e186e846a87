"""Where generation starts: a Gaussian a class, of images averaged over blocks."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.data.types import Split
from offmanifold.manifolds import Blocks
from offmanifold.synthesis.shapes import Classes, Images, Index

SIDE = 7  # the shorter side of a seed, 7×7 for 28×28


@dataclass(frozen=True)
class ClassGaussians:
    """N(μ_y, Σ_y) of block means (Santurkar et al. 2019), enlarged bilinearly.

    shape: (c, h, w) of the images; small: (c, h // r, w // r) of the means over r×r blocks. means:
    (k, d); factors: (k, d, d) with Σ_y = F Fᵀ. counts: images of each class.
    """

    shape: tuple[int, int, int]
    small: tuple[int, int, int]
    means: Tensor
    factors: Tensor
    counts: tuple[int, ...]

    def draw_small(self, y: Classes, index: Index, seed: int = 0) -> Images:
        """Return block means (n, c, h // r, w // r) of classes y, not clipped, by (seed, index)."""
        if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(self.means):
            raise InputError(
                f"classes from {int(y.min())} to {int(y.max())} are asked for, and the images have "
                f"0 to {len(self.means) - 1}"
            )
        missing = sorted({int(c) for c in y if not self.counts[int(c)]})
        if missing:
            raise InputError(f"no training image has class {missing[0]}: it has no seeds")
        z = image_noise((self.means.shape[1],), index, seed=seed, name="seeds")
        drawn = self.means[y] + (self.factors[y] @ z[:, :, None])[:, :, 0]
        return drawn.reshape(len(y), *self.small)

    def draw(self, y: Classes, index: Index, seed: int = 0) -> Images:
        """Return seeds (n, c, h, w) in [0, 1] of classes y (n,), by (seed, index) alone."""
        small = self.draw_small(y, index, seed)
        large = F.interpolate(small, self.shape[1:], mode="bilinear", align_corners=False)
        return large.clamp(0, 1)


def fit_seeds(train: Split) -> ClassGaussians:
    """Return the Gaussians of a split's classes. Raises InputError for images without labels.

    Σ_y is the covariance with n − 1; of a class with fewer than two images it is 0.
    """
    if train.classes is None or train.labels is None:
        raise InputError("seeds are drawn by class, and these images have no labels")
    k, blocks = len(train.classes), Blocks(train.shape, max(1, min(train.shape[1:]) // SIDE))
    d = blocks.small[0] * blocks.small[1] * blocks.small[2]
    counts = torch.zeros(k, dtype=torch.float64)
    sums, products = counts.new_zeros(k, d), counts.new_zeros(k, d, d)
    for batch in train.batches(train.comfortable_batch):
        assert batch.y is not None
        low = blocks.down(batch.x).flatten(1).double()
        for c in batch.y.unique().tolist():
            own = low[batch.y == c]
            counts[c] += len(own)
            sums[c] += own.sum(0)
            products[c] += own.T @ own
    means = sums / counts.clamp(min=1)[:, None]
    outer = means[:, :, None] * means[:, None]
    covariances = products - counts[:, None, None] * outer
    covariances = covariances / (counts - 1).clamp(min=1)[:, None, None]
    values, vectors = torch.linalg.eigh(covariances)
    factors = vectors * values.clamp(min=0).sqrt()[:, None]
    named = tuple(int(n) for n in counts)
    return ClassGaussians(train.shape, blocks.small, means.float(), factors.float(), named)
