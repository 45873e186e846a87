import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.objectives import TRADES
from offmanifold.objectives.trades import divergence


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_divergence_against_torch():
    p, q = torch.randn(4, 3).log_softmax(1), torch.randn(4, 3).log_softmax(1)
    expected = F.kl_div(q, p, log_target=True, reduction="none").sum(1)
    torch.testing.assert_close(divergence(p, q), expected)


@pytest.mark.parametrize(("norm", "eps"), [("l2", 0.2), ("linf", 0.05)])
def test_the_worst_divergence_of_a_linear_classifier(norm: str, eps: float):
    """With two classes it lies at one of the two ends of the steepest line."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()
    x, y = 0.4 + 0.2 * torch.rand(12, 1, 2, 3).double(), torch.arange(12) % 2
    w = model[1].weight[1] - model[1].weight[0]
    reach = eps * (w.norm() if norm == "l2" else w.abs().sum())
    gap = model(x)[:, 1] - model(x)[:, 0]
    logs = [
        torch.stack([-F.softplus(g), -F.softplus(-g)], 1) for g in (gap, gap - reach, gap + reach)
    ]
    worst = torch.maximum(divergence(logs[0], logs[1]), divergence(logs[0], logs[2]))
    loss = TRADES(eps=eps, beta=2.0, norm=norm, steps=20)(model, x, y, generator=seeded())
    found = loss.parts["divergence"]
    assert (found <= worst + 1e-12).all()
    one_end = torch.minimum(divergence(logs[0], logs[1]), divergence(logs[0], logs[2]))
    assert (found > 0.9 * one_end).all()  # ascent from one side may end at the nearer end
    clean = F.cross_entropy(model(x), y, reduction="none")
    torch.testing.assert_close(loss.per_sample, clean + 2.0 * found)


def test_gradients_flow_through_both_passes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    x, y = torch.rand(4, 1, 2, 3), torch.arange(4) % 3
    torch.manual_seed(0)
    loss = TRADES(eps=0.5)(model, x, y, generator=seeded())
    (through,) = torch.autograd.grad(loss.parts["divergence"].sum(), model[1].weight)
    assert through.norm() > 0


@pytest.mark.parametrize(
    "settings", [{"eps": 0.0}, {"beta": 0.0}, {"beta": math.inf}, {"norm": "l3"}, {"steps": 0}]
)
def test_what_cannot_be(settings: dict):
    with pytest.raises(InputError):
        TRADES(**settings)
