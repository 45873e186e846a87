"""Noise taken off: against the posterior mean of Gaussian data."""

import pytest
import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Method, denoise, noise_level
from offmanifold.synthesis.denoising import blurred

C = covariance(0.02 * torch.linspace(0.1, 1, D))
MEAN = torch.full((D,), 0.5).double()
MANIFOLD = GaussianManifold(MEAN[None], C)
GENERATOR = torch.Generator().manual_seed(0)
W = torch.randn(3, D, generator=GENERATOR)
MODEL = Linear(W)
X = torch.rand(4, *SHAPE, generator=GENERATOR)
Y = torch.tensor([0, 1, 2, 2])


def test_without_guidance_it_is_the_posterior_mean():
    found = denoise(MODEL, X, 0.3, Y, Method("manifold", guidance=0.0), manifold=MANIFOLD)
    gain = C @ torch.linalg.inv(C + 0.09 * torch.eye(D))
    expected = MEAN + (X.flatten(1).double() - MEAN) @ gain
    torch.testing.assert_close(found.images.flatten(1).double(), expected, atol=1e-5, rtol=0)
    assert torch.equal(found.images, found.start)


def test_with_a_class_it_is_the_posterior_mean_of_the_tilted_gaussian():
    how = Method("manifold", guidance=0.1, ascent=Ascent("logit"))
    found = denoise(MODEL, X, 0.3, Y, how, manifold=MANIFOLD)
    gain = C @ torch.linalg.inv(C + 0.09 * torch.eye(D))
    tilted = MEAN + 0.1 * W[Y].double() @ C
    expected = tilted + (X.flatten(1).double() - tilted) @ gain
    torch.testing.assert_close(found.images.flatten(1).double(), expected, atol=1e-5, rtol=0)
    assert (found.norms > 0).all()


def test_by_ascent_it_stays_near_the_blurred_image():
    found = denoise(MODEL, X, 0.3, None, Method("ascent"))
    torch.testing.assert_close(found.start, blurred(X, 0.3).clamp(0, 1))
    assert (found.norms <= 0.5 * 0.3 * D**0.5).all()
    assert torch.equal(found.y, MODEL(found.start).argmax(1))


def test_the_blur_keeps_flat_images_and_is_the_kernel_of_its_width():
    flat = torch.full((2, 3, 8, 9), 0.3)
    torch.testing.assert_close(blurred(flat, 0.4), flat)
    dot = torch.zeros(1, 1, 15, 15)
    dot[..., 7, 7] = 1
    seen = blurred(dot, 0.25)[0, 0]  # a width of 1 pixel
    places = torch.arange(-3.0, 4)
    kernel = (-places.square() / 2).exp() / (-places.square() / 2).exp().sum()
    torch.testing.assert_close(seen[4:11, 4:11], kernel[:, None] * kernel)


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_the_noise_level_of_a_smooth_image_is_found(sigma):
    ramp = torch.linspace(0.3, 0.7, 64).expand(2, 1, 64, 64).clone()
    ramp[1, :, :, :32] = 0  # flat black cannot hold noise on both sides
    noise = sigma * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(0))
    level = noise_level(torch.where(ramp > 0, ramp + noise, 0).clamp(0, 1))
    torch.testing.assert_close(level, torch.full((2,), sigma), rtol=0.1, atol=0)


def strokes(n: int) -> torch.Tensor:
    """Return drawings (n, 1, 28, 28): three soft-edged white lines each, on black."""
    places = torch.arange(28.0)
    start = torch.rand(n, 3, 1, generator=torch.Generator().manual_seed(0)) * 12 + 4
    slope = torch.linspace(-0.5, 0.8, 3)[None, :, None]
    middle = start + slope * (places - 6)
    away = (places - middle[..., None]).abs().amin(1)
    inside = ((places > 5) & (places < 22))[:, None]
    return ((2 - away).clamp(0, 1) * inside)[:, None]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.3, 0.5])
def test_the_noise_level_on_black_is_found_though_it_is_clipped(sigma, clip):
    x = strokes(20)
    noisy = x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    noisy = (noisy.clamp(0, 1) * 255).round() / 255 if clip else noisy
    assert noise_level(noisy).median() == pytest.approx(sigma, rel=0.3)


def test_strokes_on_black_are_not_taken_for_noise():
    assert noise_level(strokes(20)).isnan().all()
    assert noise_level(torch.zeros(1, 1, 8, 8)).isnan().all()
    assert noise_level(torch.rand(2, 1, 3, 3)).isnan().all()


def test_the_noise_level_of_a_colour_image_is_found():
    x = 0.5 + 0.05 * torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(noise_level(x), torch.full((2,), 0.05), rtol=0.1, atol=0)


def test_each_image_has_a_noise_of_its_own():
    sigma = torch.tensor([0.1, 0.3, 0.3, 0.6])
    for mode in ("manifold", "ascent", "denoised"):
        how = Method(mode, ascent=Ascent("logit", steps=4))
        one = {"manifold": None if mode == "ascent" else MANIFOLD}
        together = denoise(MODEL, X, sigma, Y, how, **one)
        for i, s in enumerate(sigma.tolist()):
            index = torch.tensor([i])
            alone = denoise(MODEL, X[i : i + 1], s, Y[i : i + 1], how, index=index, **one)
            torch.testing.assert_close(together.images[i : i + 1], alone.images)
            torch.testing.assert_close(together.norms[i : i + 1], alone.norms)


def test_noise_that_a_denoiser_has_not_seen_is_refused_with_the_range():
    trained = GaussianManifold(MEAN[None], C)
    trained.noise = (0.05, 0.4)
    for sigma in (0.04, 0.5, torch.tensor([0.1, 0.1, 0.5, 0.1])):
        with pytest.raises(InputError, match=r"trained on noise from 0.05 to 0.4"):
            denoise(MODEL, X, sigma, Y, Method("manifold"), manifold=trained)
    assert len(denoise(MODEL, X, 0.4, Y, Method("manifold"), manifold=trained)) == 4
    with pytest.raises(InputError, match="σ = 5 .* at most 1"):
        denoise(MODEL, X, 5.0, Y, Method("ascent"))


def test_no_noise_cannot_be_taken_off():
    for sigma in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="σ"):
            denoise(MODEL, X, sigma)
