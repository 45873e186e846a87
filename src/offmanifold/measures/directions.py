"""Unit directions: what gradients and their controls are made into before they are compared."""

import torch
from torch import Tensor

from offmanifold.attacks.balls import unit

DRAWN = 3.0  # root mean squares at the ends of a picture's scale


def cosine(u: Tensor, v: Tensor) -> Tensor:
    """Return the cosine of each pair of images, (n,); 0 where one is zero or not finite."""
    return (unit(u) * unit(v)).flatten(1).sum(1)


def drawn(v: Tensor) -> Tensor:
    """Return v (n, …) as a picture shows it: ÷ 3 times its root mean square, in [−1, 1]."""
    return (unit(v) * (v[0].numel() ** 0.5 / DRAWN)).clamp(-1, 1)


def by_largest(v: Tensor) -> Tensor:
    """Return v (n, …) ÷ each image's largest absolute value, as the paper draws it."""
    whole = unit(v)
    return whole / whole.flatten(1).abs().amax(1).clamp(min=1e-12).view(-1, *[1] * (v.dim() - 1))


def is_zero(v: Tensor) -> Tensor:
    """Return (n,) whether `unit` has nothing to go by."""
    return ~unit(v).flatten(1).any(1)


def pixel_energy(v: Tensor) -> Tensor:
    """Return each pixel's share (n, h, w) of the energy of v (n, c, h, w), its channels together.

    Zero where `unit` has nothing to go by.
    """
    return unit(v).square().sum(1)


def spectrum_noise(x: Tensor, noise: Tensor) -> Tensor:
    """Return noise with each image's own amplitude spectrum, random phase, mean removed.

    x: images (n, c, h, w); noise: white noise of the same shape, whose phases are taken.
    """
    amplitude = torch.fft.fft2(x - x.mean((2, 3), keepdim=True)).abs()
    phases = torch.fft.fft2(noise)
    phases = phases / phases.abs().clamp(min=1e-12)
    return torch.fft.ifft2(amplitude * phases).real
