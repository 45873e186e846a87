"""Holes filled: the optimum over a hole is known for a linear classifier."""

import pytest
import torch
from torch.nn.functional import normalize

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Method, inpaint, mean_fill

GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(4, *SHAPE, generator=GENERATOR) * 0.2 + 0.4
HOLE = torch.rand(4, 1, 4, 5, generator=GENERATOR) > 0.6
W = torch.randn(3, D, generator=GENERATOR)
MODEL = Linear(W)
MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), covariance(0.05 * torch.linspace(0.1, 1, D)))
Y = torch.tensor([0, 1, 2, 2])


def test_the_hole_gets_the_mean_of_the_known_pixels():
    x = torch.tensor([[[[0.25, 0.75], [torch.nan, 0.5]]]])
    hole = torch.tensor([[[[False, False], [True, False]]]])
    assert mean_fill(x, hole).flatten().tolist() == [0.25, 0.75, 0.5, 0.5]


def test_a_linear_logit_is_highest_along_its_weights_in_the_hole():
    how = Method("ascent", ascent=Ascent("logit", eps=0.1))
    found = inpaint(MODEL, X, HOLE, Y, how)
    along = normalize((W[Y].reshape(X.shape) * HOLE).flatten(1), dim=1).reshape(X.shape)
    torch.testing.assert_close(found.images, mean_fill(X, HOLE) + 0.1 * along, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_known_pixels_are_kept_bitwise_and_missing_ones_never_looked_at(mode):
    how = Method(mode, draws=5, ascent=Ascent(steps=5, copies=1))
    given = torch.where(HOLE, torch.nan, X)
    found = inpaint(MODEL, given, HOLE, Y, how, manifold=MANIFOLD)
    assert torch.equal(found.images[~HOLE], X[~HOLE])
    assert torch.isfinite(found.images).all()
    assert not torch.equal(found.images[HOLE], found.start[HOLE])


@pytest.mark.parametrize("mode", ["ascent", "manifold"])
def test_an_image_is_filled_the_same_alone_whatever_the_other_holes(mode):
    how = Method(mode, draws=5, ascent=Ascent(steps=5))
    whole = inpaint(MODEL, X, HOLE, None, how, manifold=MANIFOLD)
    index = torch.tensor([2])
    alone = inpaint(MODEL, X[2:3], HOLE[2:3], None, how, manifold=MANIFOLD, index=index)
    torch.testing.assert_close(alone.images, whole.images[2:3], atol=1e-5, rtol=0)


def test_with_one_candidate_it_is_the_class_seen_in_the_filled_image():
    found = inpaint(MODEL, X, HOLE, None, Method(candidates=1))
    assert torch.equal(found.y, MODEL(mean_fill(X, HOLE)).argmax(1))
    assert (found.norms <= 0.6 * HOLE.flatten(1).sum(1).sqrt()).all()


@pytest.mark.parametrize(
    ("hole", "word"),
    [
        (torch.zeros(1, 1, 4, 5), "no pixel is to be filled; white pixels are filled"),
        (torch.ones(1, 1, 4, 5), "no pixel is known"),
        (torch.ones(1, 1, 5, 5), "5×5 and the image 4×5"),
        (torch.ones(1, 3, 4, 5), "one channel"),
        (
            torch.cat([HOLE[:3].float(), torch.zeros(1, 1, 4, 5)]),
            "no pixel is to be filled",
        ),
    ],
)
def test_masks_that_cannot_be(hole, word):
    with pytest.raises(InputError, match=word):
        inpaint(MODEL, X, hole, Y)
