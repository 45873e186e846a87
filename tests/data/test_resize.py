import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.distractor import Distractor
from offmanifold.data.request import Request
from offmanifold.data.resize import resized


def source_of(c):
    pixels = np.random.default_rng(0).integers(0, 256, (3, c, 6, 4), dtype=np.uint8)
    return ArraySource(pixels, np.arange(3), ["a", "b", "c"])


def test_a_source_that_fits_is_left_alone():
    source = source_of(1)
    assert resized(source, Request(size=(6, 4), channels=1), "x") is source
    assert resized(source, Request(), "x") is source


def test_size_and_channels():
    source = source_of(1)
    other = resized(source, Request(size=(8, 8), channels=3), "x")
    x = other.read(np.arange(3))
    assert other.shape == x.shape[1:] == (3, 8, 8)
    assert torch.equal(x[:, 0], x[:, 2])
    assert len(other) == 3
    assert torch.equal(other.read(np.array([1]))[0], x[1])
    assert other.masks(np.arange(3)) is None


def test_masks_follow_the_images():
    distractor = Distractor(source_of(1), seed=0)
    masks = resized(distractor, Request(size=(24, 8)), "x").masks(np.arange(3))
    expected = distractor.masks(np.arange(3)).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert masks is not None
    assert torch.equal(masks, expected)


def test_four_channels_cannot_be_converted():
    with pytest.raises(InputError, match="4 channels"):
        resized(source_of(4), Request(channels=3), "x")
    assert resized(source_of(4), Request(size=(3, 2)), "x").shape == (4, 3, 2)
