"""Probabilities are taken back to logits; logits that look like them are not."""

import pytest
import torch
from torch import nn

from classifiers import SHAPE, Fixed, X
from offmanifold._core.errors import InputError
from offmanifold.models.checks import examine


@pytest.mark.parametrize(
    "function",
    [
        lambda f: f.softmax(1),
        lambda f: f.log_softmax(1).exp(),
        lambda f: 100 * f.softmax(1),
        lambda f: f.exp() / f.exp().sum(1, keepdim=True),
    ],
)
def test_probabilities_are_taken_back_to_logits_and_said(function):
    model = Fixed(function)
    found = examine(model, SHAPE)
    assert "logarithms" in found.said[0]
    assert len(found.said) == 1
    wanted = model.logits(X)
    assert torch.allclose(found.module(X).softmax(1), wanted.softmax(1), atol=1e-6)
    # exact to 80 nats and more, which softmax over softmax outputs is nowhere
    model.linear.weight.data *= 20
    assert torch.allclose(
        examine(model, SHAPE).module(X).log_softmax(1), model.logits(X).log_softmax(1), rtol=1e-3
    )


def test_a_sigmoid_is_one_probability_and_a_logit_stays_one():
    model = Fixed(torch.sigmoid, 1)
    found = examine(model, SHAPE)
    assert "one probability" in found.said[0]
    s = model.logits(X)
    assert torch.allclose(found.module(X), torch.cat([torch.zeros_like(s), s], 1), atol=1e-4)
    within = Fixed(lambda f: 0.5 + f.tanh() / 2, 1)  # no sigmoid, and yet a probability
    assert "whatever the image" in examine(within, SHAPE).said[0]
    logit = Fixed(lambda f: 0.5 + f / 1000, 1)  # a logit that lies in [0, 1] for these images
    found = examine(logit, SHAPE)
    assert "read as a logit" in found.said[0]
    assert found.module(X)[:, 1:].equal(logit(X))
    plain = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    nn.init.constant_(plain[1].weight, 0.01)
    nn.init.constant_(plain[1].bias, 0.4)
    found = examine(plain, SHAPE)
    assert "its last layer is linear" in found.said[0]
    assert found.module(X)[:, 1:].equal(plain(X))


def test_one_column_of_a_softmax_is_one_probability():
    found = examine(Fixed(lambda f: f.softmax(1)[:, 1:]), SHAPE)
    assert "one probability" not in found.said[0]  # two columns of three: each by itself
    found = examine(Fixed(lambda f: f.softmax(1)[:, 1:], 2), SHAPE)
    assert "one probability" in found.said[0]


def test_sigmoids_of_each_class_keep_their_order_and_are_said():
    model = Fixed(torch.sigmoid)
    found = examine(model, SHAPE)
    assert "each class by itself" in found.said[0]
    assert torch.allclose(found.module(X), model.logits(X), atol=1e-4)


@pytest.mark.parametrize(
    "function",
    [
        lambda f: f,
        lambda f: f.log_softmax(1),
        torch.relu,
        lambda f: f + 1e5,
        lambda f: f.sigmoid() + 3,
    ],
)
def test_logits_are_left_alone(function):
    model = Fixed(function)
    found = examine(model, SHAPE)
    assert found.module is model
    assert not found.said


def test_linear_outputs_that_sum_to_one_are_logits():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    model[1].weight.data = torch.stack([torch.ones(16), -torch.ones(16)]) / 40
    model[1].bias.data = torch.tensor([0.2, 0.8])  # least squares on one-hot classes gives such
    assert torch.allclose(model(X).sum(1), torch.ones(len(X)))
    assert examine(model, SHAPE).module is model


def test_probabilities_that_have_rounded_are_counted():
    def steady(f):
        return torch.sigmoid(40 * f)

    found = examine(Fixed(steady, 1), SHAPE, images=X)
    s = 40 * Fixed(steady, 1).logits(X)
    assert (s > 17).any()
    assert any("rounded to 0 or 1" in one for one in found.said)
    assert any("no gradient that can be followed" in one for one in found.said)


@pytest.mark.parametrize(
    "function",
    [
        lambda f: 1 / (1 + (-f).exp()),
        lambda f: f.sigmoid().clamp(1e-6, 1 - 1e-6),
        lambda f: (f.sigmoid() + (2 * f).sigmoid()) / 2,
    ],
)
def test_sigmoids_of_each_class_by_another_last_operation_are_said(function):
    model = Fixed(function)
    found = examine(model, SHAPE)
    assert "no further, whatever the image" in found.said[0]
    assert found.module(X).argmax(1).equal(model(X).argmax(1))


def test_outputs_in_0_to_1_that_do_not_go_from_0_to_1_are_logits():
    def shifted(f):  # a cosine, say, brought to [0, 1]
        return (1 + torch.nn.functional.normalize(f, dim=1) * 0.9) / 2

    for model in (Fixed(shifted), Fixed(lambda f: 0.5 + f / 1000)):
        assert ((model(X) >= 0) & (model(X) <= 1)).all()
        found = examine(model, SHAPE)
        assert found.module is model
        assert not found.said


def test_probabilities_that_have_all_rounded_are_refused_as_such():
    model = Fixed(lambda f: (1e4 * f).softmax(1))
    with pytest.raises(InputError, match="rounded to 0 or 1 .*what goes into the softmax"):
        examine(model, SHAPE)
