"""More pixels with the block means given."""

import pytest
import torch
from torch.nn import functional as F

from gaussian_data import GaussianManifold, Linear
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Method, bicubic, superresolve
from offmanifold.synthesis.superresolution import consistent_bicubic

GENERATOR = torch.Generator().manual_seed(0)
LOW = torch.rand(4, 1, 2, 3, generator=GENERATOR)
W = torch.randn(3, 24, generator=GENERATOR)
MODEL = Linear(W)
V = torch.linspace(-1, 1, 24).double() / 3
LINE = GaussianManifold(torch.full((1, 24), 0.5), 0.1 * V[:, None] * V, (1, 4, 6))
Y = torch.tensor([0, 1, 2, 2])


@pytest.mark.parametrize("mode", ["ascent", "projected", "manifold"])
def test_block_means_are_those_given(mode):
    how = Method(mode, draws=5, ascent=Ascent(steps=8, eps=3.0))
    found = superresolve(MODEL, LOW, 2, Y, how, manifold=LINE)
    torch.testing.assert_close(F.avg_pool2d(found.images, 2), LOW, atol=2e-6, rtol=0)
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert (found.norms > (1e-5 if mode == "manifold" else 0.05)).all()


def test_a_linear_logit_is_highest_along_its_weights_less_their_block_means():
    low = LOW * 0.1 + 0.45
    found = superresolve(MODEL, low, 2, Y, Method("ascent", ascent=Ascent("logit", eps=0.1)))
    w = W[Y].reshape(4, 1, 4, 6)
    along = w - F.interpolate(F.avg_pool2d(w, 2), scale_factor=2)
    along = F.normalize(along.flatten(1), dim=1).reshape(w.shape)
    expected = consistent_bicubic(low, 2) + 0.1 * along
    torch.testing.assert_close(found.images, expected, atol=1e-5, rtol=0)


def test_on_a_line_the_block_means_tell_the_image():
    u = torch.tensor([0.6, -0.4])
    x = (0.5 + u[:, None] * V).float().reshape(2, 1, 4, 6)
    how = Method("manifold", guidance=0.0, draws=64)
    found = superresolve(MODEL, F.avg_pool2d(x, 2), 2, Y[:2], how, manifold=LINE)
    error = (found.images - x).norm()
    assert error < 0.15 * (bicubic(F.avg_pool2d(x, 2), 2) - x).norm()


def test_a_factor_of_one_is_refused():
    with pytest.raises(InputError, match="2 or more"):
        superresolve(MODEL, LOW, 1)
