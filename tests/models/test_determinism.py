"""Answers that depend on more than the image are refused, by what makes them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from classifiers import SHAPE, Fixed
from offmanifold._core.errors import InputError
from offmanifold.models.checks import examine


class Live(nn.Module):
    def __init__(self, layer=None, hidden=None):
        super().__init__()
        self.body = nn.Linear(16, 8)
        self.layer = layer
        self.hidden = [hidden]  # no submodule
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        h = self.body(x.flatten(1))
        if self.layer is not None:
            h = self.layer(h)
        if self.hidden[0] is not None:
            h = self.hidden[0](h)
        return self.head(h)


class Stubborn(nn.Dropout):
    def train(self, mode: bool = True):
        return super().train(True)


class Functional(nn.Module):
    def forward(self, h):
        return F.dropout(h)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Live(Functional()), r"dropout is at work in eval mode \(layer Functional, at .*\.py:\d+"),
        (Live(Stubborn()), r"dropout is at work .*layer Stubborn"),
        (Live(hidden=nn.Dropout()), "dropout is at work .*Dropout, no submodule"),
        (Live(nn.BatchNorm1d(8, track_running_stats=False)), "batch normalisation .*BatchNorm1d"),
        (Live(hidden=nn.BatchNorm1d(8)), "batch normalisation .*no submodule"),
        (Fixed(lambda f: f - f.mean(0)), "mixes images"),
        (Fixed(lambda f: f.softmax(0)), "mixes images"),
        (Fixed(lambda f: f + torch.randn_like(f)), "draws at random .*test_determinism.py"),
    ],
)
def test_what_depends_on_more_than_its_image_is_refused_by_name(model, said: str):
    with pytest.raises(InputError, match=said):
        examine(model, SHAPE)


def test_batch_statistics_of_pictures_are_refused():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip
    with pytest.raises(InputError, match="1 BatchNorm2d"):
        examine(model, SHAPE)


def test_a_state_between_calls_is_refused():
    calls = []

    def counted(f):
        calls.append(1)
        return f + len(calls)

    with pytest.raises(InputError, match="state between calls"):
        examine(Fixed(counted), SHAPE)


def test_ordinary_layers_are_steady():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Dropout(), nn.InstanceNorm2d(8),
        nn.GroupNorm(2, 8), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 3),
    )  # fmt: skip
    assert examine(model, SHAPE).module is model


def test_a_draw_that_often_changes_nothing_is_chance_and_no_mixing():
    calls = []

    def seldom(f):
        calls.append(1)
        return f.flip(1) if len(calls) % 3 == 2 else f

    with pytest.raises(InputError, match="state between calls"):
        examine(Fixed(seldom), SHAPE)


def test_a_maximum_over_the_batch_is_seen_though_each_real_image_reaches_it():
    class Scaled(Fixed):
        def forward(self, x):
            return self.logits(x / x.max())

    images = torch.rand(5, *SHAPE)
    images[:, :, 0, 0] = 1
    with pytest.raises(InputError, match="mixes images"):
        examine(Scaled(None), SHAPE, images=images)


def test_squeeze_is_told_by_the_shape_for_one_image():
    with pytest.raises(InputError, match=r"shape \(3,\) for one image.*squeeze"):
        examine(Fixed(lambda f: f.squeeze()), SHAPE)
