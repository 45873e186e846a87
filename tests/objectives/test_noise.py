import math

import numpy as np
import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold.objectives import Noise


def linear() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_its_expectation_for_a_linear_classifier(sigma: float):
    """The margin m of a binary linear classifier is N(m₀, σ²‖w‖²), so E log(1 + e^−m) is one
    integral, here by Gauss-Hermite quadrature; draws must agree within 4 standard errors."""
    model, n = linear(), 40000
    x, y = torch.full((1, 1, 2, 3), 0.9).double(), torch.tensor([1])
    w = (model[1].weight[1] - model[1].weight[0]).detach().numpy()
    m = float((model(x)[0, 1] - model(x)[0, 0]).detach())
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    values = np.logaddexp(0, -(m + sigma * np.linalg.norm(w) * nodes))
    expected = (weights * values).sum() / math.sqrt(2 * math.pi)
    loss = Noise(sigma=sigma)(
        model, x.expand(n, -1, -1, -1), y.expand(n), generator=torch.Generator().manual_seed(0)
    )
    drawn = loss.per_sample.detach()
    error = float(drawn.std()) / math.sqrt(n)
    assert abs(float(drawn.mean()) - expected) < 4 * error
    clean = math.log1p(math.exp(-m))
    assert sigma < 1 or expected - clean > 8 * error  # what no noise would give


class Recorder(nn.Module):
    def forward(self, x):
        self.seen = x
        return x.flatten(1)[:, :2]


def test_one_draw_a_pixel_of_the_stated_deviation_and_not_clipped():
    x, recorder = torch.zeros(500, 1, 4, 5), Recorder()
    generator = torch.Generator().manual_seed(0)
    Noise(sigma=0.3)(recorder, x, torch.zeros(500).long(), generator=generator)
    assert recorder.seen.std().item() == pytest.approx(0.3, rel=0.03)
    assert recorder.seen.min() < -0.5
    assert recorder.seen.flatten().unique().numel() > 9000


def test_noise_of_an_image_does_not_depend_on_the_batch():
    recorder, x, y = Recorder(), torch.rand(3, 1, 2, 3), torch.zeros(3).long()
    index = torch.tensor([8, 5, 2])
    Noise()(recorder, x, y, generator=ImageNoise(index, seed=0, name="train"))
    whole = recorder.seen
    generator = ImageNoise(index[1:2], seed=0, name="train")
    Noise()(recorder, x[1:2], y[1:2], generator=generator)
    assert recorder.seen[0].equal(whole[1])


@pytest.mark.parametrize("sigma", [0.0, -0.1, math.nan, math.inf])
def test_deviations_that_make_no_noise(sigma: float):
    with pytest.raises(InputError, match="sigma > 0"):
        Noise(sigma=sigma)
