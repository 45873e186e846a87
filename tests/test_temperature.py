"""The temperature of least NLL, and where there is none."""

import pytest
import torch
from torch import nn

import offmanifold as om
from offmanifold.temperature import fit_temperature


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


def test_the_temperature_is_that_of_the_least_nll(digits):
    """Logits scaled by 3 need a temperature 3 times as large, whatever it was."""
    torch.manual_seed(0)
    run = om.train(
        "small-resnet", digits, recipe=om.Recipe(epochs=1, batch_size=256), save=False, show=False
    )
    one = fit_temperature(run.module, digits.val, torch.device("cpu"))

    class Scaled(nn.Module):
        def forward(self, x):
            return 3 * run.module(x)

    assert fit_temperature(Scaled(), digits.val, torch.device("cpu")) == pytest.approx(
        3 * one, rel=1e-3
    )


def test_the_temperature_of_a_faultless_classifier_is_one(digits):
    class Knows(nn.Module):
        def forward(self, x):
            batch = digits.val.read(digits.val.rows)
            match = (x[:, None] == batch.x[None]).flatten(2).all(2).float()
            return 9 * match @ nn.functional.one_hot(batch.y, 10).float()

    assert fit_temperature(Knows(), digits.val, torch.device("cpu")) == 1.0
