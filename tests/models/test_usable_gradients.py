"""Gradients that no attack could follow are refused, or counted."""

import pytest
import torch
from torch import nn

from classifiers import SHAPE, Fixed, X
from offmanifold._core.errors import InputError
from offmanifold.models.checks import examine


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: (x * 255).round() / 255, "gradient is zero"),
        (lambda x: (x > 0.5).float(), "gradient is zero|differentiably"),
        (lambda x: x.detach(), "differentiably"),
        (lambda x: torch.from_numpy(x.detach().numpy()), "differentiably"),
        (lambda x: (x - x.amax((1, 2, 3), keepdim=True)).abs() ** 0.45, "infinite or NaN"),
    ],
)
def test_gradients_that_lead_nowhere_are_refused(function, said: str):
    class Before(Fixed):
        def forward(self, x):
            return self.logits(function(x))

    with pytest.raises(InputError, match=said):
        examine(Before(None), SHAPE)


def test_a_gamma_is_refused_of_black_pixels_alone():
    class Gamma(Fixed):
        def forward(self, x):
            return self.logits(x ** (1 / 2.2))

    black = X.clone()
    black[:, :, 0] = 0
    examine(Gamma(None), SHAPE, images=X)
    with pytest.raises(InputError, match="infinite or NaN.*clamp"):
        examine(Gamma(None), SHAPE, images=black)
    some = torch.cat([X[:2], black[:3]])
    assert (
        "3 of 5 first images have no gradient" in examine(Gamma(None), SHAPE, images=some).said[0]
    )


def test_saturation_is_no_lack_of_a_gradient():
    model = Fixed(lambda f: 1e4 * f)
    assert not examine(model, SHAPE).said


def test_a_collapsed_model_is_not_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    nn.init.zeros_(model[1].weight)
    assert examine(model, SHAPE).module is model


class Raising(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError("of its own")


def test_a_backward_pass_that_raises_is_told_where():
    with pytest.raises(InputError, match=r"pass raised RuntimeError: of its own, at .*:\d+"):
        examine(Fixed(Raising.apply), SHAPE)
    model = Fixed(lambda f: f)
    model.linear.register_full_backward_hook(lambda *_: {}["hook"])
    with pytest.raises(InputError, match=r"backward pass raised KeyError: 'hook', at .*:\d+"):
        examine(model, SHAPE)
