"""Which way is taken, with which manifold."""

from dataclasses import replace

import pytest
import torch

from gaussian_data import D, GaussianManifold
from offmanifold._core.errors import InputError
from offmanifold.manifolds import FakeManifold, Pooled
from offmanifold.synthesis import Ascent, Denoised, Method, Projected
from offmanifold.synthesis.methods import can_draw, guide_of

MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), torch.eye(D))
UNUSABLE = GaussianManifold(torch.full((1, D), 0.5), torch.eye(D), sigma=None)
FAKE = FakeManifold(MANIFOLD.card, torch.eye(D)[:3])
POOLED = Pooled(MANIFOLD, 2, (1, 8, 10))


@pytest.mark.parametrize(
    ("manifold", "mode"),
    [
        (None, "ascent"),
        (UNUSABLE, "ascent"),
        (MANIFOLD, "denoised"),
        (FAKE, "projected"),
        (POOLED, "projected"),
    ],
)
def test_the_best_way_that_a_manifold_can_go(manifold, mode):
    assert Method().settled(manifold).mode == mode
    best = "manifold" if mode == "denoised" else mode
    assert Method().settled(manifold, "manifold").mode == best
    assert can_draw(manifold) == (manifold in (MANIFOLD, UNUSABLE))


@pytest.mark.parametrize(
    ("mode", "manifold", "word"),
    [
        ("manifold", None, "`manifold`"),
        ("projected", UNUSABLE, "usable"),
        ("manifold", FAKE, "projected"),
        ("denoised", None, "usable"),
        ("denoised", POOLED, "projected"),
        ("manifold", POOLED, "projected"),
    ],
)
def test_what_a_manifold_cannot_do_is_said(mode, manifold, word):
    with pytest.raises(InputError, match=word):
        Method(mode).settled(manifold)


def test_settings_that_make_no_sense():
    for wrong in ({"mode": "manifld"}, {"guidance": -1.0}, {"draws": 1}, {"candidates": 0}):
        with pytest.raises(InputError):
            Method(**wrong)


def test_a_use_fills_in_what_is_not_given():
    assert Method().completed(eps=2.0, guidance=3.0).ascent.eps == 2.0
    assert Method().completed(eps=2.0, guidance=3.0).guidance == 3.0
    assert Method().completed(eps=2.0, variety=0.5).variety == 0.5
    assert Method(variety=0.0).completed(eps=2.0, variety=0.5).variety == 0.0
    assert Method(guidance=0.0).completed(eps=2.0, guidance=3.0).guidance == 0.0


def test_the_guide_of_a_mode():
    assert guide_of(Method("ascent"), MANIFOLD) is None
    assert guide_of(Method("projected"), MANIFOLD) == Projected(MANIFOLD)
    assert guide_of(Method("denoised"), MANIFOLD) == Denoised(MANIFOLD, 0.25, 0.25, 60)
    gates = [{"sigma": s, "passes": s > 0.1} for s in (0.1, 0.15, 0.25)]
    tried = GaussianManifold(torch.full((1, D), 0.5), torch.eye(D))
    tried.card = replace(tried.card, gates=gates)
    how = Method("denoised", ascent=Ascent(seed=3, steps=9))
    assert guide_of(how, tried) == Denoised(tried, 0.25, 0.15, 9, seed=3)
