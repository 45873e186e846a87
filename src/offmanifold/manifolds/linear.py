"""The best linear denoiser, which every other should beat, and the same chosen in hindsight."""

import torch
from torch import Tensor

from offmanifold.data.types import Split

IMAGES = 2048  # training images of which the covariance is taken


class Wiener:
    """m + C(C + σ²I)⁻¹(x̃ − m), m and C the mean and covariance of training images."""

    def __init__(self, train: Split, seed: int = 0):
        part = train.subset(IMAGES, seed)
        x = part.read(part.rows).x.flatten(1).double()
        self.mean = x.mean(0)
        away = x - self.mean
        if len(x) > away.shape[1]:
            self.variances, axes = torch.linalg.eigh(away.T @ away / len(x))
            self.axes = axes.T
        else:  # fewer images than pixels: the same by the smaller product
            squares, vectors = torch.linalg.eigh(away @ away.T)
            kept = squares > 1e-10 * squares[-1]
            self.variances = squares[kept] / len(x)
            self.axes = (vectors.T[kept] @ away) / squares[kept, None].sqrt()

    def denoise(self, noisy: Tensor, sigma: float) -> Tensor:
        """Return the denoised images (n, c, h, w)."""
        axes, mean = self.axes.to(noisy), self.mean.to(noisy)
        kept = (self.variances / (self.variances + sigma**2)).to(noisy)
        along = (noisy.flatten(1) - mean) @ axes.T
        return (mean + (along * kept) @ axes).reshape(noisy.shape)

    def hindsight_error(self, x: Tensor, sigma: float) -> float:
        """Return the mean over images x (n, c, h, w) of the least E‖D − x‖² in pixels².

        The least over filters of these axes whose gains are chosen for each image with the image
        known: Σ σ²a²/(σ² + a²), a its coordinates, and its part off the axes one more. A denoiser
        can be better only by other axes, such as those that follow the image.
        """
        away = x.flatten(1).double() - self.mean.to(x.device)
        along = (away @ self.axes.to(away).T).square()
        rest = (away.square().sum(1, keepdim=True) - along.sum(1, keepdim=True)).clamp(min=0)
        energy = torch.cat([along, rest], dim=1)
        return float((sigma**2 * energy / (sigma**2 + energy)).sum(1).mean())
