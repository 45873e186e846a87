"""Images drawn from a denoiser, by the second-order sampler of Karras et al. 2022."""

import itertools

import torch
from torch import Tensor

from offmanifold.manifold.base import Score

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
    """Return n images (n, c, h, w) in [0, 1], of classes y (n,) or of any.

    Solves dx/dσ = (x − D(x; σ))/σ from HIGHEST to 0 by Heun's method: 2 · steps − 1 denoisings.
    """
    generator = torch.Generator().manual_seed(seed)
    power = torch.linspace(HIGHEST ** (1 / RHO), LOWEST ** (1 / RHO), steps, dtype=torch.double)
    sigmas = [*(power**RHO).tolist(), 0.0]
    x = 0.5 + HIGHEST * torch.randn(n, *manifold.card.shape, generator=generator).to(device)

    def slope(x: Tensor, sigma: float) -> Tensor:
        return (x - manifold.denoise(x, y, sigma)) / sigma

    with torch.no_grad():
        for sigma, following in itertools.pairwise(sigmas):
            first = slope(x, sigma)
            moved = x + (following - sigma) * first
            if following > 0:
                second = slope(moved, following)
                moved = x + (following - sigma) * (first + second) / 2
            x = moved
    return x.clamp(0, 1)
