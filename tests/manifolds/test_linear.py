"""Against the formula with the full covariance, by numpy."""

import numpy as np
import pytest
import torch

from gaussian_data import SHAPE, D, data_of, images, rotated, subspace_data
from offmanifold.manifolds import linear
from offmanifold.manifolds.linear import Wiener


def formula(x: np.ndarray, noisy: np.ndarray, sigma: float) -> np.ndarray:
    mean, c = x.mean(0), np.cov(x.T, bias=True)
    gain = c @ np.linalg.inv(c + sigma**2 * np.eye(len(c)))
    return mean + (noisy - mean) @ gain.T


@pytest.mark.parametrize("n", [D // 2, D, D + 1, 5 * D])  # fewer images than pixels, and more
@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_it_is_the_formula_of_the_covariance(n, sigma):
    train = images(n)
    x = train.read(train.rows).x.flatten(1).double().numpy()
    generator = torch.Generator().manual_seed(0)  # a value near 0 would fail rtol in float32
    noisy = torch.rand(7, *SHAPE, generator=generator).double()
    expected = formula(x, noisy.flatten(1).numpy(), sigma)
    found = Wiener(train).denoise(noisy, sigma)
    assert found.shape == noisy.shape
    np.testing.assert_allclose(found.flatten(1).numpy(), expected, rtol=1e-9)
    single = Wiener(train).denoise(noisy.float(), sigma)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.flatten(1).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("n", [D // 2, 4 * D])
def test_what_is_off_a_linear_subspace_is_removed_all(n):
    data = subspace_data(3, n + 2, 1)
    off = rotated(D)[:, 3:].sum(1).reshape(1, *SHAPE)
    mean = data.train.read(data.train.rows).x.mean(0, keepdim=True).double()
    found = Wiener(data.train).denoise(mean + off, 0.25)
    torch.testing.assert_close(found, mean, rtol=0, atol=1e-6)
    on = rotated(D)[:, 0].reshape(1, *SHAPE)
    assert (Wiener(data.train).denoise(mean + on, 0.01) - mean).norm() > 0.9


def test_no_linear_map_has_less_error():
    train = images(40)
    x = train.read(train.rows).x.double()
    wiener, sigma = Wiener(train), 0.3

    def error(gain: torch.Tensor) -> float:  # E‖mean + G(x + σz − mean) − x‖² over z
        away = x.flatten(1) - wiener.mean
        left = away @ (gain.T - torch.eye(D))
        return float(left.square().sum(1).mean() + sigma**2 * gain.square().sum())

    kept = wiener.variances / (wiener.variances + sigma**2)
    best = wiener.axes.T @ kept.diag() @ wiener.axes
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        step = 1e-2 * torch.randn(D, D, generator=generator).double()
        assert error(best) < min(error(best + step), error(best - step))


@pytest.mark.parametrize("n", [D // 2, 4 * D])  # fewer images than pixels, and more
def test_no_gains_chosen_with_the_image_known_do_better_than_in_hindsight(n):
    wiener, sigma = Wiener(images(n)), 0.3
    one = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(9)).double()
    away = one.flatten() - wiener.mean
    along = wiener.axes @ away
    rest = away - wiener.axes.T @ along
    off = rest[None] / rest.norm() if rest.norm() > 1e-6 else rest[None][:0]
    axes = torch.cat([wiener.axes, off])
    coordinates = axes @ away

    def error(gains: torch.Tensor) -> float:  # E‖mean + Σ gᵢ⟨x + σz − mean, aᵢ⟩aᵢ − x‖² over z
        return float(((1 - gains) * coordinates).square().sum() + sigma**2 * gains.square().sum())

    gains = torch.zeros(len(axes), dtype=torch.float64, requires_grad=True)
    least = ((1 - gains) * coordinates).square().sum() + sigma**2 * gains.square().sum()
    (slope,) = torch.autograd.grad(least, gains)
    best = -slope / (2 * (coordinates.square() + sigma**2))  # the error is quadratic in each gain
    assert wiener.hindsight_error(one, sigma) == pytest.approx(error(best), rel=1e-6)
    assert error(best) < error(wiener.variances.new_full((len(axes),), 0.5))


def test_it_does_not_depend_on_the_batch():
    wiener, noisy = Wiener(images(30)), torch.rand(5, *SHAPE).double()
    order = torch.tensor([3, 0, 4, 1, 2])
    whole = wiener.denoise(noisy, 0.2)
    torch.testing.assert_close(wiener.denoise(noisy[order], 0.2), whole[order])
    torch.testing.assert_close(wiener.denoise(noisy[2:3], 0.2), whole[2:3])


@pytest.mark.parametrize("n", [D // 2, 2 * D])
def test_constant_images_are_all_there_is(n):
    train = data_of(torch.full((n + 2, *SHAPE), 0.25), 1).train
    found = Wiener(train).denoise(torch.rand(3, *SHAPE), 0.25)
    torch.testing.assert_close(found, torch.full((3, *SHAPE), 0.25))


def test_large_data_are_sampled(monkeypatch):
    monkeypatch.setattr(linear, "IMAGES", 25)
    train = images(100)
    one, other = Wiener(train, seed=0), Wiener(train, seed=1)
    assert not torch.equal(one.mean, other.mean)
    torch.testing.assert_close(Wiener(train, seed=0).mean, one.mean)
    part = train.subset(25, 0)
    torch.testing.assert_close(one.mean, part.read(part.rows).x.flatten(1).double().mean(0))
