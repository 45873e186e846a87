"""Scores of made images, against exact cases and the textbook's matrix root."""

import math

import pytest
import torch
from scipy import linalg

from offmanifold._core.errors import InputError
from offmanifold.synthesis.scores import covered, frechet, frechet_error, psnr, spread


def drawn(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_tenth_off_everywhere_is_20_db():
    x = torch.full((2, 1, 4, 4), 0.5)
    torch.testing.assert_close(psnr(x + 0.1, x), torch.full((2,), 20.0).double(), atol=1e-5, rtol=0)
    assert psnr(x, x).tolist() == [100, 100]


def test_the_spread_compares_images_of_one_class_alone(monkeypatch):
    sizes, real = [], torch.cdist

    def watched(a, b, **how):
        sizes.append(len(a) * len(b))
        return real(a, b, **how)

    monkeypatch.setattr(torch, "cdist", watched)
    spread(torch.rand(30, 1, 2, 2), torch.arange(30) % 10)
    assert max(sizes) == 9


def test_the_spread_is_the_mean_distance_within_a_class():
    x = torch.tensor([0.0, 0.2, 0.6, 1.0]).reshape(4, 1, 1, 1).expand(-1, 1, 2, 2)
    found = spread(x, torch.tensor([0, 0, 0, 1]))
    torch.testing.assert_close(found[:3], torch.tensor([0.8, 0.6, 1.0]))
    assert math.isnan(found[3])


def test_covered_are_the_balls_to_the_kth_neighbour():
    by = torch.tensor([[0.0], [1.0], [3.0]])  # reach, k = 1: 1, 1 and 2
    points = torch.tensor([[-1.0], [-1.1], [0.5], [5.0], [5.1]])
    assert covered(points, by, k=1).tolist() == [True, False, True, True, False]


def test_images_cover_themselves_and_not_what_is_far():
    a = drawn(50, 3)
    assert bool(covered(a, a).all())
    assert not bool(covered(a + 100, a).any())


def test_the_frechet_distance_of_shifted_and_scaled_gaussians_is_known():
    a = drawn(400, 3)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a + 2, a) == pytest.approx(3 * 4)
    b = (a - a.mean(0)) * 3 + a.mean(0)
    assert frechet(b, a) == pytest.approx((3 - 1) ** 2 * float(a.var(0).sum()))


def test_the_frechet_distance_is_that_of_the_usual_formula():
    a, b = drawn(200, 4), drawn(300, 4, seed=1) @ drawn(4, 4, seed=2) + 1
    one, two = a.T.cov().numpy(), b.T.cov().numpy()
    root = linalg.sqrtm(one @ two).real
    apart = float((a.mean(0) - b.mean(0)).square().sum())
    assert frechet(a, b) == pytest.approx(apart + (one + two - 2 * root).trace())


def test_the_error_of_the_frechet_distance_is_how_much_it_varies():
    pairs = [(drawn(100, 3, seed), 2 * drawn(150, 3, 1000 + seed) + 1) for seed in range(200)]
    varies = float(torch.tensor([frechet(a, b) for a, b in pairs]).std())
    found = sum(frechet_error(a, b) for a, b in pairs[:10]) / 10
    assert found == pytest.approx(varies, rel=0.2)


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="two images"):
        frechet(drawn(1, 2), drawn(5, 2))
    with pytest.raises(InputError, match="three images"):
        frechet_error(drawn(2, 2), drawn(5, 2))
    with pytest.raises(InputError, match="more than 3"):
        covered(drawn(5, 2), drawn(3, 2))
