"""Guided denoising and sampling where Bayes' rule is exact: a Gaussian tilted by a linear logit."""

import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance
from offmanifold._core.randomness import image_noise
from offmanifold.manifolds.sampler import HIGHEST
from offmanifold.synthesis import Box, denoise_towards, draw
from offmanifold.synthesis.constraints import KnownPixels

C = covariance(0.05 * torch.linspace(0.1, 1, D))
MEAN = torch.linspace(0.3, 0.7, D).double()
MANIFOLD = GaussianManifold(MEAN[None], C)
W = torch.randn(2, D, generator=torch.Generator().manual_seed(0))
MODEL = Linear(W)
INDEX = torch.tensor([3, 0, 8])
Y = torch.tensor([0, 1, 1])


class Anywhere(Box):
    def project(self, x, rows):
        return x


def test_without_guidance_it_is_the_posterior_mean():
    noisy = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    plain = denoise_towards(MODEL, MANIFOLD, noisy, Y, 0.4, guidance=0)
    assert torch.equal(plain, MANIFOLD.denoise(noisy, None, 0.4))


def test_with_guidance_it_is_the_mean_of_the_tilted_gaussian():
    """N(m, C)·exp(wᵀx) is N(m + Cw, C): its denoiser is D + σ²(C + σ²I)⁻¹Cw."""
    noisy = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    for sigma in (0.1, 1.0):
        found = denoise_towards(MODEL, MANIFOLD, noisy, Y, sigma, objective="logit")
        tilted = torch.stack([MEAN + C @ W[c].double() for c in Y])
        gain = MANIFOLD.gain(sigma)
        expected = tilted + (noisy.flatten(1).double() - tilted) @ gain
        torch.testing.assert_close(found.flatten(1).double(), expected, atol=1e-5, rtol=0)


def test_guided_images_are_drawn_from_the_tilted_gaussian():
    found = draw(
        MODEL, MANIFOLD, Y, index=INDEX, objective="logit", steps=96, constraint=Anywhere()
    )
    z = image_noise(SHAPE, INDEX, seed=0, name="sampler").flatten(1).double()
    values, axes = torch.linalg.eigh(C)
    shrink = axes @ (values / (values + HIGHEST**2)).sqrt().diag() @ axes.T
    tilted = torch.stack([MEAN + C @ W[c].double() for c in Y])
    expected = tilted + (0.5 + HIGHEST * z - tilted) @ shrink
    torch.testing.assert_close(found.flatten(1).double(), expected, atol=5e-3, rtol=0)


def test_an_image_is_the_same_alone_and_in_any_batch():
    drawn = {"steps": 8, "seed": 2}
    whole = draw(MODEL, MANIFOLD, Y, index=INDEX, **drawn)
    alone = draw(MODEL, MANIFOLD, Y[2:], index=INDEX[2:], **drawn)
    torch.testing.assert_close(alone[0], whole[2], atol=1e-5, rtol=0)
    assert whole.min() >= 0
    assert whole.max() <= 1


def test_known_pixels_are_kept_and_the_others_follow_them():
    """Images m + u·v of one number u: the known pixels tell the others."""
    v = torch.ones(D).double() / D**0.5
    line = GaussianManifold(torch.full((1, D), 0.5), 0.4 * v[:, None] * v)
    x = torch.full((2, *SHAPE), 0.5)
    x[0] += 0.2
    x[1] -= 0.1
    hole = torch.zeros(2, 1, 4, 5, dtype=torch.bool)
    hole[..., 1:3, 1:3] = True
    known = KnownPixels(torch.where(hole, 0.9, x), hole)
    found = draw(MODEL, line, Y[:2], index=INDEX[:2], guidance=0, steps=64, constraint=known)
    assert torch.equal(found[~hole], x[~hole])
    torch.testing.assert_close(found[hole], x[hole], atol=0.02, rtol=0)


def test_the_classifier_is_left_as_found():
    MODEL.train()
    draw(MODEL, MANIFOLD, Y, index=INDEX, steps=3)
    assert MODEL.training
    assert all(p.requires_grad and p.grad is None for p in MODEL.parameters())
