import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from offmanifold._core.errors import InputError
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


def smooth() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.SiLU(), nn.Linear(4, 3)).double()


def test_whose_gradient_is_penalised():
    model, (x, y) = linear(), images()
    penalty = {
        of: GradientNorm(of=of)(model, x, y, generator=GENERATOR).parts["gradient_norm_sq"]
        for of in ("loss", "log_prob", "logit")
    }
    torch.testing.assert_close(penalty["loss"], penalty["log_prob"])
    torch.testing.assert_close(penalty["logit"], model[1].weight[y].square().sum(1))


@pytest.mark.parametrize("of", ["loss", "logit"])
def test_the_finite_form_agrees_with_the_exact_one(of: str):
    """In the penalty, and in its gradient with respect to the weights, which trains."""
    (x, y), found = images(), []
    for form, step in (("exact", 1.0), ("finite", 1e-5)):
        model = smooth()
        objective = GradientNorm(weight=3.0, of=of, form=form, step=step)
        loss = objective(model, x, y, generator=GENERATOR)
        loss.per_sample.mean().backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((loss.per_sample.detach(), gradient))
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-5)


def test_the_finite_form_stays_in_float32_and_sees_one_dropout_mask():
    torch.manual_seed(2)
    layers = nn.Flatten(), nn.Linear(6, 64), nn.SiLU(), nn.Dropout(0.5), nn.Linear(64, 3)
    model = nn.Sequential(*layers)
    x, y = torch.rand(4, 1, 2, 3), torch.arange(4) % 3
    with torch.autocast("cpu", torch.bfloat16):
        loss = GradientNorm(form="finite")(model, x, y, generator=GENERATOR)
    # another mask would change the loss by about .1, over the step of .01 squared: by about 100
    assert loss.parts["gradient_norm_sq"].max() < 1
    assert GradientNorm(form="finite").compiles
    assert not GradientNorm().compiles


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"of": "margin"}, 'unknown gradient to penalise "margin"'),
        ({"form": "rough"}, 'unknown form of gradient-norm "rough"'),
        ({"step": 0.0}, "finite step > 0"),
    ],
)
def test_forms_that_are_not_there(settings: dict, said: str):
    with pytest.raises(InputError, match=said):
        GradientNorm(**settings)
