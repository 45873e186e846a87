"""Steps at several resolutions, against explicit matrices."""

import pytest
import torch
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.synthesis.scales import check_scales, multi_resolution

G = torch.randn(3, 1, 6, 4, generator=torch.Generator().manual_seed(0))


def matrix(r: int) -> torch.Tensor:
    """Return U (24, pixels at 1/r)."""
    h, w = -(-6 // r), -(-4 // r)
    units = torch.eye(h * w).reshape(h * w, 1, h, w)
    return F.interpolate(units, (6, 4), mode="bilinear", align_corners=False).flatten(1).T


def test_one_resolution_is_the_gradient_itself():
    assert multi_resolution(G, (1,)) is G


def test_each_resolution_gets_an_equal_share_of_the_step():
    u = matrix(2)
    coarse = G.flatten(1) @ u @ u.T
    expected = F.normalize(coarse, dim=1) + F.normalize(G.flatten(1), dim=1)
    torch.testing.assert_close(multi_resolution(G, (2, 1)).flatten(1), expected)


def test_it_goes_up_where_the_gradient_does():
    for scales in ((4,), (4, 2), (3, 1)):
        assert ((multi_resolution(G, scales) * G).flatten(1).sum(1) > 0).all()


def test_no_gradient_gives_no_step():
    assert not multi_resolution(torch.zeros(1, 1, 4, 4), (2, 1)).any()


def test_a_scale_is_at_most_the_longer_side():
    check_scales((8, 1), (4, 8))
    with pytest.raises(InputError, match="a scale of 9 is more than the 4×8 pixels"):
        check_scales((9, 1), (4, 8))
