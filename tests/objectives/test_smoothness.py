import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import normal_like
from offmanifold.objectives import Smoothness


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_linear_classifier_by_hand():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).double()
    x, y = torch.rand(5, 1, 2, 3).double(), torch.arange(5) % 3
    moved = 0.2 * normal_like(x, seeded()).flatten(1) @ model[1].weight.T
    loss = Smoothness(weight=0.5, sigma=0.2)(model, x, y, generator=seeded())
    torch.testing.assert_close(loss.parts["logit_change_sq"], moved.square().sum(1))
    expected = F.cross_entropy(model(x), y, reduction="none") + 0.5 * moved.square().sum(1)
    torch.testing.assert_close(loss.per_sample, expected)


def test_its_mean_is_that_of_the_jacobian():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).double()
    x, y = torch.rand(1, 1, 2, 3).double().expand(20_000, -1, -1, -1), torch.zeros(20_000).long()
    penalty = Smoothness(sigma=0.1)(model, x, y, generator=seeded()).parts["logit_change_sq"]
    expected = 0.1**2 * model[1].weight.detach().square().sum()
    assert float(penalty.detach().mean()) == pytest.approx(float(expected), rel=0.03)


def test_one_dropout_mask_for_both_passes():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 64), nn.Dropout(0.5), nn.Linear(64, 3))
    x, y = torch.rand(4, 1, 2, 3), torch.arange(4) % 3
    loss = Smoothness(sigma=1e-6)(model, x, y, generator=seeded())
    assert loss.parts["logit_change_sq"].max() < 1e-9


@pytest.mark.parametrize("settings", [{"weight": 0.0}, {"sigma": -1.0}, {"sigma": math.nan}])
def test_what_cannot_be(settings: dict):
    with pytest.raises(InputError, match="smoothness needs a finite"):
        Smoothness(**settings)
