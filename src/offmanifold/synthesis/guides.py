"""What keeps an ascent near the data: gradients projected, or images denoised, by a manifold.

Manifolds are asked at noisy points only (`offmanifold.manifolds.base`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from offmanifold._core.randomness import image_noise
from offmanifold.manifolds import Manifold, Pooled, Score, TweedieManifold


@dataclass(frozen=True)
class Projected:
    """Gradients are projected along the manifold.

    By a denoiser: Jᵀg at x + σz, z of another draw at every step, one pass back an image; a step
    thus costs an eighth of the mean over four draws of J and Jᵀ, which steps average as well. By
    other manifolds: `tangent`.
    """

    manifold: Manifold

    def bend(self, x: Tensor, gradient: Tensor, index: Tensor, step: int) -> Tensor:
        pooled = self.manifold if isinstance(self.manifold, Pooled) else None
        inner = pooled.estimator if pooled else self.manifold
        if not isinstance(inner, TweedieManifold):
            return self.manifold.tangent(x, gradient, index=index)
        sigma, shape = inner.sigma_or_default(None), inner.card.shape
        z = image_noise(tuple(shape), index, seed=inner.seed, name="manifold", draw=step).to(x)
        at = (pooled.down(x) if pooled else x) + sigma * z
        v = pooled.shrink(gradient) if pooled else gradient
        bent = inner.pull(at, v[None], sigma)[0]
        return pooled.expand(bent) if pooled else bent

    def land(self, x: Tensor, index: Tensor, step: int) -> Tensor:
        return x


@dataclass(frozen=True)
class Denoised:
    """After each step x ← (1 − share) x + share · D(x + σz; σ).

    σ, per pixel, falls from `highest` to `lowest` geometrically over `steps`: large forms are
    settled first. share: how far each step goes towards the denoised image. seed: of z.

    z = √variety · z₀ + √(1 − variety) · z_step. Noise that is new at every step averages out, and
    each image then climbs to the nearest mode of the blurred density, a few for all images of a
    class; what stays the same, z₀, is an image's own, and keeps it apart from the others.
    """

    manifold: Score
    highest: float
    lowest: float
    steps: int
    share: float = 0.2
    seed: int = 0
    variety: float = 0.0

    def sigma(self, step: int) -> float:
        """Return σ of a step, counted from 0."""
        along = min(1.0, step / max(1, self.steps - 1))
        return self.highest * (self.lowest / self.highest) ** along

    def bend(self, x: Tensor, gradient: Tensor, index: Tensor, step: int) -> Tensor:
        return gradient

    def land(self, x: Tensor, index: Tensor, step: int) -> Tensor:
        sigma, shape = self.sigma(step), (x.shape[1], x.shape[2], x.shape[3])
        z = image_noise(shape, index, seed=self.seed, name="landing", draw=step).to(x)
        if self.variety:
            own = image_noise(shape, index, seed=self.seed, name="landing-own").to(x)
            z = self.variety**0.5 * own + (1 - self.variety) ** 0.5 * z
        with torch.no_grad():
            denoised = self.manifold.denoise(x + sigma * z, None, sigma)
        return x + self.share * (denoised - x)
