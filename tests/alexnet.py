"""AlexNet's convolutions with random weights, for LPIPS without the published ones."""

import torch
from torch import Tensor


def random_alexnet(seed: int = 0) -> dict[str, Tensor]:
    """Return `features.0.weight` …, of the size that keeps features alive through all layers."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for place, shape in {
        **{0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3)},
        **{8: (256, 384, 3, 3), 10: (256, 256, 3, 3)},
    }.items():
        fan_in = shape[1] * shape[2] * shape[3]
        weight = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        found[f"features.{place}.weight"] = weight
        found[f"features.{place}.bias"] = 0.1 * torch.randn(shape[0], generator=generator)
    return found
