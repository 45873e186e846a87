"""Energies under other manifolds, on gradients whose share is known."""

import pytest
import torch

from gaussian_data import SHAPE, D, Linear, probe_of, subspace_manifold
from offmanifold.measures import LowPassFraction, OnManifoldFractionSecond
from offmanifold.measures.manifold_fraction import OnManifoldFraction


def test_a_fake_of_five_pixels_holds_their_share_of_the_energy():
    weight = torch.rand(3, D)
    probe = probe_of(Linear(weight), subspace_manifold(4))
    found = LowPassFraction().columns(probe)
    gradient = probe.gradient().flatten(1)
    expected = gradient[:, :5].square().sum(1) / gradient.square().sum(1)
    name = "alignment.fraction_low_pass"
    torch.testing.assert_close(found[name], expected, rtol=1e-5, atol=1e-6)
    assert found[f"{name}/chance"][0] == pytest.approx(5 / D)


def test_the_second_estimate_is_asked_as_the_first_is():
    model = Linear(torch.rand(3, D))
    first, second = subspace_manifold(4), subspace_manifold(9)
    found = OnManifoldFractionSecond().columns(probe_of(model, first, second=second))
    alone = OnManifoldFraction().columns(probe_of(model, second))
    torch.testing.assert_close(
        found["alignment.on_manifold_fraction_second"], alone["alignment.on_manifold_fraction"]
    )
    assert probe_of(model).x.shape[1:] == SHAPE
