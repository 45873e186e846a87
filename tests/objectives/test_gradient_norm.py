import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from offmanifold.errors import InputError
from offmanifold.objectives import GradientNorm

GENERATOR = torch.Generator()  # not drawn from


def images(n: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, 1, 2, 3, generator=generator, dtype=torch.double)
    return x, torch.arange(n) % 3


def linear() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).double()


def test_a_linear_classifier_by_hand():
    """∇ₓℓ = Wᵀ(p − e_y), so that the penalty is its squared norm."""
    model, (x, y) = linear(), images()
    p = model(x).softmax(1)
    gradient = (p - F.one_hot(y, 3)) @ model[1].weight
    expected = F.cross_entropy(model(x), y, reduction="none") + 0.7 * gradient.square().sum(1)
    loss = GradientNorm(weight=0.7)(model, x, y, generator=GENERATOR)
    torch.testing.assert_close(loss.per_sample, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(loss.parts["gradient_norm_sq"], gradient.square().sum(1))


class With(nn.Module):
    """A network under given weights, so that they can be differentiated numerically."""

    def __init__(self, model: nn.Module, names, weights):
        super().__init__()
        self.call = lambda x: functional_call(model, dict(zip(names, weights, strict=True)), x)

    def forward(self, x):
        return self.call(x)


def test_its_weight_gradient_against_finite_differences():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.SiLU(), nn.Linear(4, 3)).double()
    x, y = images()
    names = [name for name, _ in model.named_parameters()]

    def loss(*weights):
        objective = GradientNorm(weight=2.0)
        return objective(With(model, names, weights), x, y, generator=GENERATOR).per_sample

    assert torch.autograd.gradcheck(loss, tuple(model.parameters()))


def test_the_penalty_itself_against_finite_differences():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.SiLU(), nn.Linear(4, 3)).double()
    x, y = images(2)
    h, squares = 1e-6, torch.zeros(2).double()
    for pixel in range(6):
        step = h * F.one_hot(torch.tensor(pixel), 6).double().view(1, 1, 2, 3)
        up, down = (F.cross_entropy(model(x + s), y, reduction="none") for s in (step, -step))
        squares += ((up - down) / (2 * h)).square().detach()
    penalty = GradientNorm()(model, x, y, generator=GENERATOR).parts["gradient_norm_sq"]
    torch.testing.assert_close(penalty, squares, rtol=1e-6, atol=1e-12)


def test_the_penalty_does_not_depend_on_the_batch_size():
    """A penalty on the gradient of the batch's mean loss would fall as 1/B²."""
    model, (x, y) = linear(), images()
    alone = GradientNorm()(model, x[:1], y[:1], generator=GENERATOR).per_sample
    for copies in (2, 64):
        many = GradientNorm()(
            model, x[:1].expand(copies, -1, -1, -1), y[:1].expand(copies), generator=GENERATOR
        )
        torch.testing.assert_close(many.per_sample.mean(), alone.mean())
    whole = GradientNorm()(model, x, y, generator=GENERATOR).per_sample
    order = torch.tensor([2, 0, 3, 1])
    permuted = GradientNorm()(model, x[order], y[order], generator=GENERATOR).per_sample
    torch.testing.assert_close(permuted, whole[order])


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_weights_that_make_no_penalty(weight: float):
    with pytest.raises(InputError, match="weight > 0"):
        GradientNorm(weight=weight)
