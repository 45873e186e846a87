"""The sampler on a Gaussian, where its equation is solved in closed form."""

import torch

from gaussian_data import SHAPE, D, GaussianManifold, covariance
from offmanifold.manifolds.sampler import HIGHEST, heun, sample

C = covariance(0.01 * torch.linspace(0.1, 1, D))
MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), C)


def test_the_map_from_noise_to_images_is_that_of_the_gaussian():
    noise = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0)).double()
    values, axes = torch.linalg.eigh(C)
    for highest in (0.5, HIGHEST):
        start = 0.5 + highest * noise
        found = heun(lambda x, s: MANIFOLD.denoise(x, None, s), start, 128, highest)
        shrink = axes @ (values / (values + highest**2)).sqrt().diag() @ axes.T
        expected = 0.5 + (start.flatten(1) - 0.5) @ shrink
        torch.testing.assert_close(found.flatten(1), expected, atol=3e-3, rtol=0)


def test_samples_lie_in_the_box_and_are_drawn_by_seed():
    one, other = sample(MANIFOLD, 2, steps=4), sample(MANIFOLD, 2, steps=4, seed=1)
    assert one.shape == (2, *SHAPE)
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, sample(MANIFOLD, 2, steps=4))
    assert not torch.equal(one, other)
