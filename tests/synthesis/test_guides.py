"""Guides on Gaussian data, whose denoiser is linear and known."""

import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance, rotated, subspace_manifold
from offmanifold._core.randomness import image_noise
from offmanifold.manifolds import FakeManifold, Pooled
from offmanifold.synthesis import Ascent, Denoised, Projected, ascend

GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(3, *SHAPE, generator=GENERATOR)
G = torch.randn(3, *SHAPE, generator=GENERATOR)
INDEX = torch.tensor([5, 1, 2])
MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), covariance(torch.linspace(0, 1, D)))


def test_a_gradient_is_projected_by_the_jacobian():
    bent = Projected(MANIFOLD).bend(X, G, INDEX, 0)
    expected = G.flatten(1).double() @ MANIFOLD.gain(0.25)
    torch.testing.assert_close(bent.flatten(1).double(), expected, atol=1e-5, rtol=0)


def test_a_manifold_without_denoiser_is_asked_for_its_tangent():
    fake = FakeManifold(MANIFOLD.card, rotated(D)[:, :4].T.float())
    expected = fake.tangent(X, G, index=INDEX)
    torch.testing.assert_close(Projected(fake).bend(X, G, INDEX, 3), expected)


def test_through_block_means_it_is_r2_at_j_a():
    pooled = Pooled(MANIFOLD, 2, (1, 8, 10))
    x, g = torch.rand(2, 1, 8, 10), torch.randn(2, 1, 8, 10, generator=GENERATOR)
    bent = Projected(pooled).bend(x, g, INDEX[:2], 0)
    torch.testing.assert_close(bent, pooled.tangent(x, g, index=INDEX[:2]), atol=1e-5, rtol=0)


def test_projected_steps_stay_in_the_subspace():
    flat = rotated(D)[:, :4]
    manifold = subspace_manifold(4)
    start = torch.full((3, *SHAPE), 0.5)
    model = Linear(torch.randn(3, D, generator=GENERATOR))
    how = Ascent("logit", eps=0.3, steps=20)
    y = torch.arange(3)
    found = ascend(model, start, y, how, guide=Projected(manifold))
    moved = (found.images - start).flatten(1).double()
    assert (moved - moved @ flat @ flat.T).norm() < 1e-3 * moved.norm()
    along = model.linear.weight.detach()[y].double() @ flat @ flat.T
    expected = 0.3 * along / along.norm(dim=1, keepdim=True)
    torch.testing.assert_close(moved, expected, atol=1e-3, rtol=0)


def test_landing_goes_a_share_of_the_way_to_the_denoised_image():
    guide = Denoised(MANIFOLD, highest=0.4, lowest=0.1, steps=9, share=0.25, seed=4)
    assert [round(guide.sigma(s), 6) for s in (0, 4, 8, 20)] == [0.4, 0.2, 0.1, 0.1]
    assert Denoised(MANIFOLD, 0.4, 0.1, 1).sigma(0) == 0.4
    z = image_noise(SHAPE, INDEX, seed=4, name="landing", draw=4)
    sigma = guide.sigma(4)
    expected = 0.75 * X + 0.25 * MANIFOLD.denoise(X + sigma * z, None, sigma)
    torch.testing.assert_close(guide.land(X, INDEX, 4), expected)
    assert guide.bend(X, G, INDEX, 4) is G


def test_an_image_keeps_a_share_of_its_landing_noise():
    guide = Denoised(MANIFOLD, highest=0.4, lowest=0.1, steps=9, share=0.25, seed=4, variety=0.36)
    own = image_noise(SHAPE, INDEX, seed=4, name="landing-own")
    for step in (0, 4):
        z = 0.6 * own + 0.8 * image_noise(SHAPE, INDEX, seed=4, name="landing", draw=step)
        sigma = guide.sigma(step)
        expected = 0.75 * X + 0.25 * MANIFOLD.denoise(X + sigma * z, None, sigma)
        torch.testing.assert_close(guide.land(X, INDEX, step), expected)
