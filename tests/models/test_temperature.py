"""The temperature of least NLL: it goes with the size of the logits, and says where it ends."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import offmanifold as om
from offmanifold.data.arrays import ArraySource
from offmanifold.models.temperature import AT_BOUND, Temperature, fit_temperature, temperature_of

N, K = 400, 4


def logits(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits of labels y, right but for the noise."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(N) % K
    f = 3.0 * F.one_hot(y, K).double()
    return f + noise * torch.randn(N, K, generator=generator, dtype=torch.double), y


def nll(f: torch.Tensor, y: torch.Tensor, temperature: float) -> float:
    return float(F.cross_entropy(f / temperature, y))


@pytest.mark.parametrize("noise", [1.5, 4.0])
def test_no_other_temperature_has_a_smaller_nll(noise):
    f, y = logits(noise)
    best = temperature_of(f, y)
    assert best.bound is None
    for other in (0.97, 1.03):
        assert nll(f, y, best.value) < nll(f, y, other * best.value)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 10, 100, 1e4])
@pytest.mark.parametrize("noise", [0.1, 1.5, 100])
def test_logits_k_times_as_large_have_one_k_times_as_large(scale, noise):
    f, y = logits(noise)
    one = temperature_of(f, y)
    other = temperature_of(scale * f, y)
    assert other.value == pytest.approx(scale * one.value, rel=1e-4)
    assert other.bound == one.bound


def test_where_every_image_is_right_labels_count_as_platt_s():
    """In closed form for logits ±m of two classes: σ(2m/T) = (n + 1)/(n + 2)."""
    m, n = 7.0, 98
    y = torch.arange(n) % 2
    f = m * (2 * F.one_hot(y, 2).double() - 1)
    assert temperature_of(f, y).value == pytest.approx(2 * m / math.log(n + 1), rel=1e-3)


def test_it_says_where_it_stands_at_an_end_of_its_range():
    f, y = logits(1.5)
    nothing = temperature_of(f, y.roll(1))
    assert nothing.bound == "highest"
    f[0, int(y[0])] = 1e10  # beside which the others are as nothing
    assert temperature_of(f, y).bound == "lowest"
    assert AT_BOUND.keys() == {"lowest", "highest"}


def test_images_without_labels_have_one():
    pixels = np.zeros((3, 1, 4, 4), dtype=np.uint8)
    split = om.Split(ArraySource(pixels, None, ["a", "b", "c"]), np.arange(3), None)
    assert fit_temperature(nn.Identity(), split, torch.device("cpu")) == Temperature()


def test_constant_logits_and_classes_the_classifier_lacks():
    f, y = logits(1.5)
    assert temperature_of(torch.ones(5, 3), torch.tensor([0, 1, 2, 0, 1])) == Temperature()
    lacking = torch.cat([f, torch.full((N, 1), -torch.inf)], 1)
    assert temperature_of(lacking, y) == temperature_of(f, y)
    with_images = torch.cat([lacking, lacking[:3]])
    theirs = torch.cat([y, torch.full((3,), K)])
    assert temperature_of(with_images, theirs) == temperature_of(f, y)
    assert temperature_of(torch.full((4, 2), torch.nan), torch.zeros(4).long()) == Temperature()


def test_it_is_that_of_the_validation_images():
    digits = om.load_data("digits")
    batch = digits.val.read(digits.val.rows)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    found = fit_temperature(model, digits.val, torch.device("cpu"))
    with torch.no_grad():
        assert found == temperature_of(model(batch.x), batch.y)


@pytest.mark.parametrize("lost", [torch.nan, torch.inf])
def test_an_image_without_an_answer_is_left_out(lost):
    f, y = logits(2.0)
    more = torch.cat([f, torch.tensor([[lost, 0.0, 0.0, 0.0]]).double()])
    assert temperature_of(more, torch.cat([y, y[:1]])) == temperature_of(f, y)
