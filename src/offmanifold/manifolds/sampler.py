"""Images drawn from a denoiser, by the second-order sampler of Karras et al. 2022."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from offmanifold.manifolds.base import Score

RHO = 7  # how steps crowd at small σ
HIGHEST, LOWEST = 2.5, 0.01  # σ per pixel in [0, 1]


def sample(
    manifold: Score,
    n: int,
    y: Tensor | None = None,
    *,
    steps: int = 32,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Return n images (n, c, h, w) in [0, 1], of classes y (n,) or of any."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.5 + HIGHEST * torch.randn(n, *manifold.card.shape, generator=generator).to(device)
    with torch.no_grad():
        return heun(lambda x, sigma: manifold.denoise(x, y, sigma), x, steps).clamp(0, 1)


def heun(
    denoise: Callable[[Tensor, float], Tensor], x: Tensor, steps: int, highest: float = HIGHEST
) -> Tensor:
    """Solve dx/dσ = (x − D(x; σ))/σ from images at `highest` to σ = 0 by Heun's method.

    2 · steps − 1 denoisings.
    """
    power = torch.linspace(highest ** (1 / RHO), LOWEST ** (1 / RHO), steps, dtype=torch.double)
    for sigma, following in itertools.pairwise([*(power**RHO).tolist(), 0.0]):
        first = (x - denoise(x, sigma)) / sigma
        moved = x + (following - sigma) * first
        if following > 0:
            second = (moved - denoise(moved, following)) / following
            moved = x + (following - sigma) * (first + second) / 2
        x = moved
    return x
