"""Manifolds that know nothing of any image: one subspace for all, and no score."""

import pytest
import torch

import offmanifold as om
from gaussian_data import SHAPE, D, Linear, images, rotated, subspace_data
from offmanifold.manifolds import ManifoldCard, global_pca, low_pass

CARD = ManifoldCard("judge", "h", SHAPE, ("a", "b", "c"), sigma=0.25, dimension=7.0)


@pytest.mark.parametrize("fake", [low_pass(CARD, 5), global_pca(CARD, images(40), 5)])
def test_it_projects_every_image_alike_on_k_orthonormal_rows(fake):
    assert (fake.card.dimension, fake.card.rank, fake.card.sigma) == (5, 5, 0.25)
    torch.testing.assert_close(fake.rows @ fake.rows.T, torch.eye(5), rtol=0, atol=1e-5)
    x = torch.rand(3, *SHAPE)
    v = torch.randn(1, *SHAPE).expand(3, -1, -1, -1)
    on = fake.tangent(x, v)
    torch.testing.assert_close(on[0], on[2])
    torch.testing.assert_close(fake.tangent(x, on), on, rtol=1e-4, atol=1e-5)


def test_low_pass_begins_with_the_mean_of_a_channel():
    rows = low_pass(CARD, D).rows.reshape(D, *SHAPE)
    assert (rows[0].flatten(1).std(1) < 1e-6).all()
    assert rows[0].abs().max() > 0.1
    torch.testing.assert_close(rows.flatten(1) @ rows.flatten(1).T, torch.eye(D), rtol=0, atol=1e-5)


def test_global_pca_of_a_subspace_is_the_subspace():
    data = subspace_data(3, 60, 1)
    rows = global_pca(CARD, data.train, 3).rows
    assert (rows @ rotated(D)[:, 3:].float()).abs().max() < 1e-4


def test_an_audit_by_a_fake_measures_all_that_needs_no_score():
    part = images(40)
    data = om.Data(part, part, part)
    audit = om.audit(Linear(torch.randn(3, D)), data, low_pass(CARD, 5), show=False)
    assert audit["robustness.rho_relative"].value is not None
    assert "alignment.cosine_posterior" in audit.json["skipped"]
