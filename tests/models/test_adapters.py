from types import SimpleNamespace

import pytest
import torch

from offmanifold.models.adapters import GreyToColour, LogitsOf, Normalise, TwoLogits


def test_normalise_by_hand():
    x = torch.tensor([0.5, 1.0]).view(1, 2, 1, 1)
    out = Normalise((0.5, 0.0), (0.25, 0.5))(x)
    torch.testing.assert_close(out.flatten(), torch.tensor([0.0, 2.0]))


def test_normalise_adds_nothing_to_the_state_dict():
    assert not Normalise((0.5,), (0.5,)).state_dict()


def test_grey_to_colour_repeats_and_refuses_colour():
    x = torch.rand(2, 1, 4, 4)
    assert GreyToColour()(x).equal(torch.cat([x, x, x], 1))
    with pytest.raises(ValueError, match="grey"):
        GreyToColour()(torch.rand(2, 3, 4, 4))


def test_logits_of_an_object():
    logits = torch.rand(2, 3)
    assert LogitsOf()(SimpleNamespace(logits=logits)) is logits


def test_two_logits_keep_the_sigmoid():
    s = torch.randn(4, 1)
    p = TwoLogits()(s).softmax(1)
    torch.testing.assert_close(p[:, 1], s.flatten().sigmoid())
