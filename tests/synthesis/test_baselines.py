"""Plain ways: in range, of the right size, and better than nothing where that is known."""

import pytest
import torch
from torch.nn import functional as F

from offmanifold.synthesis.baselines import for_denoising, for_inpainting, for_superresolution

RAMP = (torch.linspace(0.2, 0.8, 24)[:, None] + torch.linspace(-0.1, 0.1, 20)).expand(2, 1, 24, 20)
COLOUR = RAMP.expand(2, 3, 24, 20) * torch.tensor([1.0, 0.8, 0.6])[:, None, None]


@pytest.mark.parametrize("x", [RAMP, COLOUR], ids=["grey", "colour"])
def test_noise_becomes_less(x):
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    noisy = (x + 0.1 * noise).clamp(0, 1)
    found = for_denoising(noisy, 0.1)
    assert {"blur", "nl_means"} <= set(found)
    for name, cleaned in found.items():
        assert cleaned.shape == x.shape, name
        assert (cleaned - x).square().mean() < 0.7 * (noisy - x).square().mean(), name


@pytest.mark.parametrize("x", [RAMP, COLOUR], ids=["grey", "colour"])
def test_holes_of_a_plane_are_filled_by_it(x):
    hole = torch.zeros(2, 1, 24, 20, dtype=torch.bool)
    hole[:, :, 8:14, 6:11] = True
    found = for_inpainting(torch.where(hole, 0.9, x), hole)
    for name, filled in found.items():
        known = ~hole.expand_as(x)
        assert torch.equal(filled[known], x[known]), name
    assert (found["biharmonic"] - x).abs().max() < 0.01
    assert (found["mean_fill"] - x).abs().max() > 0.05


def test_enlarged_images():
    low = F.avg_pool2d(COLOUR, 2)
    found = for_superresolution(low, 2)
    assert torch.equal(F.avg_pool2d(found["nearest"], 2), low)
    assert (found["bicubic"] - COLOUR).abs().mean() < (found["nearest"] - COLOUR).abs().mean()
