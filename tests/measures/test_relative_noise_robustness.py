import numpy as np
import pytest
import torch

from gaussian_data import (
    D,
    GaussianManifold,
    Linear,
    covariance,
    images,
    probe_of,
    rotated,
    subspace_manifold,
)
from offmanifold.manifolds import Pooled
from offmanifold.measures.relative_noise_robustness import (
    OFF,
    ON,
    TOTAL,
    RhoPaper,
    RhoRelative,
    RhoTotal,
    noise_responses,
)

K = 4
V = rotated(D).float()


def test_small_noise_gives_the_ratio_of_the_linear_map():
    """ρ_rel = ‖AP⊥‖² / ‖AP‖², A = ∂p/∂x of each image, as σ → 0."""
    w = torch.randn(3, D, generator=torch.Generator().manual_seed(0))
    n = 200
    probe = probe_of(Linear(w), subspace_manifold(K), images(n), sigma=1e-2)
    p = probe.probabilities
    a = (torch.diag_embed(p) - p[:, :, None] * p[:, None]) @ w  # (n, 3, d)
    on, off = (a @ V[:, :K]).square().sum((1, 2)), (a @ V[:, K:]).square().sum((1, 2))
    found = {k: v.numpy() for k, v in noise_responses(probe).items()}
    for name, jacobian in ((ON, on), (OFF, off), (TOTAL, on + off)):
        error = float(found[name].std()) / n**0.5
        expected = 1e-4 * float(jacobian.mean())
        assert float(found[name].mean()) == pytest.approx(expected, abs=4 * error, rel=0)
        assert 4 * error < 0.6 * expected
    rho = float(off.mean() / on.mean())
    relative = RhoRelative().reduce(found, n)["value"]
    assert relative == pytest.approx(rho, rel=0.2)
    assert RhoTotal().reduce(found, n)["value"] == pytest.approx(relative / (1 + relative))


def test_the_three_ways_of_writing_rho():
    columns = {ON: np.array([1.0, 3.0]), OFF: np.array([1.0, 1.0]), TOTAL: np.array([4.0, 6.0])}
    values = [rho().reduce(columns, 2)["value"] for rho in (RhoRelative, RhoTotal, RhoPaper)]
    assert values == pytest.approx([0.5, 1 / 3, 0.2])


def test_a_model_that_ignores_the_tangent_has_no_rho():
    columns = {ON: np.zeros(3), OFF: np.ones(3), TOTAL: np.ones(3)}
    assert RhoRelative().reduce(columns, 3)["value"] is None
    assert RhoTotal().reduce(columns, 3)["value"] == 1


def test_noise_through_a_pooled_manifold_is_white_over_blocks():
    shape = (1, 5, 6)
    c = covariance(torch.tensor([100.0, 100.0, 0, 0, 0, 0]))
    pooled = Pooled(GaussianManifold(torch.full((1, 6), 0.5), c, (1, 2, 3)), 2, shape)
    split = images(300, 3, shape)
    probe = probe_of(Linear(torch.randn(3, 30)), pooled, split)  # type: ignore[arg-type]
    on, off = probe.scene.split_noise(0)
    z = pooled.blocks.down(on + off).flatten(1)
    torch.testing.assert_close(z.T @ z / 300, torch.eye(6), rtol=0, atol=0.35)
    torch.testing.assert_close((on * off).flatten(1).sum(1), torch.zeros(300), rtol=0, atol=1e-3)
    assert not pooled.unresolved(on + off).abs().max() > 1e-5
    assert float(on.flatten(1).square().sum(1).mean()) == pytest.approx(2 * 4, rel=0.25)
