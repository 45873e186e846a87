import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from offmanifold.data.pixels import resize_and_crop, to_channels, to_unit

SIDE = st.integers(1, 20)


@given(SIDE, SIDE, SIDE, SIDE)
def test_resized_images_have_the_size_and_stay_in_range(h, w, new_h, new_w):
    x = torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(h))
    out = resize_and_crop(x, (new_h, new_w))
    assert out.shape == (2, 3, new_h, new_w)
    assert out.min() >= x.min() - 1e-6
    assert out.max() <= x.max() + 1e-6


def test_the_native_size_is_left_alone():
    x = torch.rand(1, 1, 5, 7)
    assert resize_and_crop(x, (5, 7)) is x
    assert resize_and_crop(x, None) is x


def test_the_middle_is_kept():
    x = torch.zeros(1, 1, 4, 12)
    x[..., 4:8] = 1
    assert torch.equal(resize_and_crop(x, (4, 4)), torch.ones(1, 1, 4, 4))


def test_halving_averages_and_does_not_alias():
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    out = resize_and_crop(board[None, None].float(), (8, 8))[..., 1:-1, 1:-1]
    assert torch.allclose(out, torch.full_like(out, 0.5), atol=0.02)


def test_channels():
    colour = torch.tensor([1.0, 0.5, 0.25])[:, None, None].expand(3, 2, 2)
    grey = to_channels(colour, 1)
    assert grey.shape == (1, 2, 2)
    assert grey[0, 0, 0].item() == pytest.approx(0.299 + 0.587 * 0.5 + 0.114 * 0.25)
    assert torch.equal(to_channels(grey, 3), grey.expand(3, 2, 2))
    assert to_channels(colour, None) is colour
    with pytest.raises(ValueError, match="4 to 3"):
        to_channels(torch.zeros(4, 2, 2), 3)


def test_to_unit_is_exact_at_the_ends():
    x = to_unit(np.array([0, 51, 255], dtype=np.uint8))
    assert x.dtype == torch.float32
    assert torch.equal(x, torch.tensor([0.0, 0.2, 1.0]))
