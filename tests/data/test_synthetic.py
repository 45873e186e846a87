"""Against explicit densities, integrated numerically, and Bayes' rule."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import leggauss
from scipy.special import ive
from torch import Tensor
from torch.func import jacrev, jvp

from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.request import Request
from offmanifold.data.synthetic import (
    LARGEST,
    RADIUS,
    SIDE,
    Known,
    Mixture,
    Sphere,
    Subspace,
    bessel_ratio,
    fourier_modes,
    opener,
)

KINDS = [Subspace(3, 400, 0), Sphere(3, 400, 0), Mixture(4, 400, 0)]
ROWS = np.arange(400)
EACH = pytest.mark.parametrize("known", KINDS, ids=lambda known: known.name)
SIGMAS = pytest.mark.parametrize("sigma", [0.1, 0.25, 1.0])
NODES, WEIGHTS = (torch.from_numpy(a) for a in leggauss(400))


def pixels(known: Known, u: Tensor) -> Tensor:
    return (0.5 + u @ known.basis).reshape(-1, *known.shape)


def noisy_images(known: Known, n: int, sigma: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images and noisy ones (n, 1, h, w), float64."""
    x = pixels(known, known.latents(np.arange(n)))
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return x, x + sigma * z


@pytest.mark.parametrize("m", [2, 5, 20, LARGEST])
def test_modes_are_orthonormal_waves_without_the_constant(m):
    rows = fourier_modes(m, SIDE)
    torch.testing.assert_close(rows @ rows.T, torch.eye(m).double())
    assert rows.sum(1).abs().max() < 1e-9
    if m % 2 == 0:  # cos² + sin² = 1: pixels are alike
        torch.testing.assert_close(
            rows.square().sum(0), torch.full((SIDE**2,), m / SIDE**2).double()
        )


def test_modes_come_by_their_frequency():
    waves = fourier_modes(LARGEST, SIDE).reshape(-1, SIDE, SIDE)
    steps = [waves.diff(dim=d, append=waves.narrow(d, 0, 1)).square().sum((1, 2)) for d in (1, 2)]
    roughness = steps[0] + steps[1]  # 2(1 − cos 2πa/28) + the same of b, in pairs
    torch.testing.assert_close(roughness[::2], roughness[1::2])
    expected = 2 - 2 * math.cos(2 * math.pi / SIDE)
    torch.testing.assert_close(roughness[:4], torch.full((4,), expected).double())
    assert roughness.max() < 2 * (2 - 2 * math.cos(2 * math.pi / 3))


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 4.5, 20.0])
def test_bessel_ratio_is_that_of_scipy(order):
    kappa = torch.logspace(-2, 3, 40, dtype=torch.double)
    expected = ive(order + 1, kappa.numpy()) / (kappa.numpy() * ive(order, kappa.numpy()))
    found = bessel_ratio(order, kappa.square())
    assert np.allclose(found.numpy(), expected, rtol=1e-11, atol=0)
    single = bessel_ratio(order, kappa.square().float())
    torch.testing.assert_close(single.double(), found, rtol=1e-5, atol=0)


def test_bessel_ratio_at_both_ends():
    kappa = torch.logspace(3, 7, 9, dtype=torch.double)  # I_{3/2}/I_{1/2} = coth κ − 1/κ
    found = kappa * bessel_ratio(0.5, kappa.square())
    torch.testing.assert_close(1 - found, 1 / kappa, rtol=2e-3, atol=0)
    zero = torch.zeros((), dtype=torch.double, requires_grad=True)
    value = bessel_ratio(3.0, zero)
    assert value.item() == pytest.approx(1 / 8)
    (slope,) = torch.autograd.grad(value, zero)  # 1/(8 + κ²/10 …)
    assert float(slope) == pytest.approx(-1 / 640)


def integrated(nodes: Tensor, density: Tensor, noisy: Tensor, sigma: float) -> Tensor:
    """Return E[u | ũ] (n, m) for weighted nodes (g, m) of the law of u."""
    away = (noisy[:, None] - nodes).square().sum(2)
    weights = (density.log() - away / (2 * sigma**2)).softmax(1)
    return weights @ nodes


@SIGMAS
def test_the_mean_on_a_subspace_is_the_integral(sigma):
    known = Subspace(2, 10, 0)
    deviation = RADIUS / math.sqrt(2)
    line, weight = 8 * deviation * NODES, WEIGHTS * torch.exp(-0.5 * (8 * NODES).square())
    grid = torch.cartesian_prod(line, line)
    density = torch.cartesian_prod(weight, weight).prod(1)
    noisy = 2 * torch.randn(5, 2, generator=torch.Generator().manual_seed(1)).double()
    expected = pixels(known, integrated(grid, density, noisy, sigma))
    torch.testing.assert_close(known.denoise(pixels(known, noisy), None, sigma), expected)


@SIGMAS
def test_the_mean_on_a_sphere_is_the_integral(sigma):
    known = Sphere(2, 10, 0)
    angle = 2 * math.pi * torch.arange(400, dtype=torch.double) / 400
    height, turn = torch.cartesian_prod(NODES, angle).T  # of equal area by Archimedes
    wide = (1 - height.square()).sqrt()
    sphere = RADIUS * torch.stack([wide * turn.cos(), wide * turn.sin(), height], 1)
    density = WEIGHTS.repeat_interleave(400)
    noisy = 2 * torch.randn(5, 3, generator=torch.Generator().manual_seed(1)).double()
    expected = pixels(known, integrated(sphere, density, noisy, sigma))
    torch.testing.assert_close(known.denoise(pixels(known, noisy), None, sigma), expected)


def test_the_centre_of_a_sphere_is_its_own_mean_with_a_jacobian():
    known, sigma = Sphere(3, 10, 0), 0.5
    centre = torch.full((1, 1, SIDE, SIDE), 0.5).double()
    torch.testing.assert_close(known.denoise(centre, None, sigma), centre)
    v = pixels(known, torch.ones(1, 4).double()) - 0.5
    pushed = jvp(lambda a: known.denoise(a, None, sigma), (centre,), (v,))[1]
    torch.testing.assert_close(pushed, RADIUS**2 / (4 * sigma**2) * v)  # Cov u = R²/4 · I


@SIGMAS
def test_mean_and_posterior_of_a_mixture_by_bayes_rule_coordinate_by_coordinate(sigma):
    known = Mixture(3, 200, 0)
    u = known.latents(np.arange(6))
    noisy = u + sigma * torch.randn(u.shape, generator=torch.Generator().manual_seed(2)).double()
    line = 0.5 * RADIUS + 3 * RADIUS * NODES  # beyond nine standard deviations
    assert line.min() < -9 * known.deviation
    likelihood = torch.exp(-(noisy[..., None] - line).square() / (2 * sigma**2))  # (n, m, g)
    prior = torch.exp(-(known.means[..., None] - line).square() / (2 * known.deviation**2))
    joint = WEIGHTS * likelihood[:, None] * prior  # (n, classes, m, g)
    evidence = joint.sum(3)
    conditional = (joint * line).sum(3) / evidence
    posterior = evidence.log().sum(2).softmax(1)
    torch.testing.assert_close(known.log_posterior(noisy, sigma).exp(), posterior)
    y = torch.tensor([0, 1, 2, 2, 1, 0])
    found = known.denoise(pixels(known, noisy), y, sigma)
    torch.testing.assert_close(found, pixels(known, conditional[torch.arange(6), y]))
    mixed = (posterior[:, :, None] * conditional).sum(1)
    found = known.denoise(pixels(known, noisy), None, sigma)
    torch.testing.assert_close(found, pixels(known, mixed))
    assert not torch.allclose(mixed, conditional[torch.arange(6), y])


@EACH
@SIGMAS
def test_the_error_is_orthogonal_to_what_is_known(known, sigma):
    """E⟨x − E[x|x̃], h(x̃)⟩ = 0 for any h; here for h = D, x̃ and 1."""
    x, noisy = noisy_images(known, 400, sigma)
    denoised = known.denoise(noisy, None, sigma)
    error = x - denoised
    assert error.abs().max() > 1e-2
    one = pixels(known, torch.ones(1, len(known.basis)).double()) - 0.5
    for h in (denoised - 0.5, noisy - 0.5, one):
        products = (error * h).flatten(1).sum(1)
        assert products.mean().abs() < 4 * products.std() / math.sqrt(400)
    shrunk = ((x - 0.5 - 0.9 * (denoised - 0.5)) * (denoised - 0.5)).flatten(1).sum(1)
    if sigma < 1:  # then .9 D is told apart from D
        assert shrunk.mean().abs() > 4 * shrunk.std() / math.sqrt(400)


@EACH
@SIGMAS
def test_error_is_sigma_squared_times_the_trace(known, sigma):
    x, noisy = noisy_images(known, 400, sigma)
    errors = (known.denoise(noisy, None, sigma) - x).flatten(1).square().sum(1)

    traces = torch.zeros(400).double()
    for mode in known.basis.reshape(-1, *known.shape):
        v = mode.expand_as(noisy)
        pushed = jvp(lambda a: known.denoise(a, None, sigma), (noisy,), (v,))[1]
        traces += (pushed * v).flatten(1).sum(1)
    scale = errors.std() / math.sqrt(400) + sigma**2 * traces.std() / math.sqrt(400)
    assert (errors.mean() - sigma**2 * traces.mean()).abs() < 4 * scale
    assert scale < 0.1 * errors.mean()


@EACH
def test_the_jacobian_is_symmetric_positive_and_that_of_jvp(known):
    _, noisy = noisy_images(known, 2, 0.25)

    def flat(a: Tensor) -> Tensor:
        return known.denoise(a.reshape(1, *known.shape), None, 0.25).flatten()

    for one in noisy:
        jacobian = jacrev(flat)(one.flatten())
        torch.testing.assert_close(jacobian, jacobian.T)
        values = torch.linalg.eigvalsh(jacobian)
        assert values.min() > -1e-9
        assert (values > 1e-6).sum() == len(known.basis)  # flat off the modes
        v = torch.randn(SIDE**2, generator=torch.Generator().manual_seed(0)).double()
        torch.testing.assert_close(jvp(flat, (one.flatten(),), (v,))[1], jacobian @ v)


@EACH
def test_noise_off_the_modes_is_of_no_account(known):
    x, noisy = noisy_images(known, 3, 0.25)
    off = (noisy - x).flatten(1)
    off = (off - off @ known.basis.T @ known.basis).reshape(x.shape)
    assert off.abs().max() > 0.3
    torch.testing.assert_close(known.denoise(x + off, None, 0.25), known.denoise(x, None, 0.25))


@EACH
def test_a_noise_level_an_image(known):
    _, noisy = noisy_images(known, 3, 0.25)
    sigma = torch.tensor([0.1, 0.25, 1.0])
    for y in (None, torch.tensor([0, 1, 0])):
        found = known.denoise(noisy, y, sigma)
        for i in range(3):
            alone = known.denoise(noisy[i : i + 1], None if y is None else y[i : i + 1], sigma[i])
            torch.testing.assert_close(found[i : i + 1], alone)
    single = known.denoise(noisy.float(), None, 0.25)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), known.denoise(noisy, None, 0.25), rtol=0, atol=1e-5)


@EACH
def test_tangents_are_orthonormal_and_within_the_modes(known):
    rows = known.tangents(ROWS[:5])
    assert rows.shape == (5, known.k, SIDE**2)
    torch.testing.assert_close(
        rows @ rows.transpose(1, 2), torch.eye(known.k).double().expand(5, -1, -1)
    )
    torch.testing.assert_close(rows @ known.basis.T @ known.basis, rows)


def test_curves_on_a_sphere_run_along_its_tangents():
    known = Sphere(3, 10, 0)
    u = known.latents(ROWS[:5])
    tangents = known.tangents(ROWS[:5])
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        ends = (u + torch.randn(u.shape, generator=generator).double(), u)
        step = 1e-5 * (ends[0] - u)
        after, before = (
            RADIUS * (u + s) / (u + s).norm(dim=1, keepdim=True) for s in (step, -step)
        )
        velocity = (pixels(known, after) - pixels(known, before)).flatten(1) / 2e-5
        along = torch.einsum("nkd,nd->nk", tangents, velocity)
        torch.testing.assert_close(along.norm(dim=1), velocity.norm(dim=1), rtol=1e-8, atol=0)
    outward = (pixels(known, u) - 0.5).flatten(1)
    assert torch.einsum("nkd,nd->nk", tangents, outward).abs().max() < 1e-12


@EACH
def test_an_image_is_the_same_whatever_the_number(known):
    fewer = type(known)(len(known.classes) if known.conditional else known.k, 25, 0)
    assert torch.equal(known.latents(ROWS[:25]), fewer.latents(ROWS[:25]))
    assert known.hashes[:25] == fewer.hashes
    assert known.names[:25] == fewer.names
    assert known.labels[:25].tolist() == fewer.labels.tolist()
    assert len(set(known.hashes)) == 400
    torch.testing.assert_close(known.read(ROWS[[7, 3]]), known.read(ROWS)[[7, 3]], rtol=0, atol=0)


@EACH
def test_another_seed_means_other_images(known):
    other = type(known)(len(known.classes) if known.conditional else known.k, 25, 1)
    assert not set(other.hashes) & set(known.hashes)


@EACH
def test_images_are_valid_and_pixels_vary_as_designed(known):
    x = known.read(ROWS)
    assert x.shape == (400, 1, SIDE, SIDE)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() <= 1
    torch.testing.assert_close(x.double(), pixels(known, known.latents(ROWS)), rtol=0, atol=1e-7)
    extent = math.sqrt(0.45**2 + 0.7**2) if known.conditional else 1
    assert float((x - 0.5).std()) == pytest.approx(0.08 * extent, rel=0.05)
    assert known.masks(ROWS[:2]) is None


def test_a_latent_whose_pixels_leave_the_range_is_drawn_again():
    class Wild(Subspace):
        def draw(self, generator):
            y, u = super().draw(generator)
            return y, 10 * u

    wild = Wild(3, 50, 0)
    x = wild.read(np.arange(50))
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.std() > 0.1


def test_labels():
    for known in KINDS[:2]:
        assert known.classes == ("left", "right")
        assert (known.labels == (known.latents(ROWS)[:, 0] > 0).numpy()).all()
        assert 150 < known.labels.sum() < 250
    mixture = KINDS[2]
    assert mixture.classes == ("class 0", "class 1", "class 2", "class 3")
    assert np.bincount(mixture.labels).min() > 70
    guessed = mixture.log_posterior(mixture.latents(ROWS), 1e-9).argmax(1).numpy()
    error = (guessed != mixture.labels).mean()
    assert 0.005 < error < 0.15  # neighbouring classes overlap by some percent


def test_laws():
    assert KINDS[1].latents(ROWS).norm(dim=1).sub(RADIUS).abs().max() < 1e-12
    u = Subspace(3, 3000, 0).latents(np.arange(3000))
    torch.testing.assert_close(
        u.T.cov(), RADIUS**2 / 3 * torch.eye(3).double(), rtol=0.1, atol=0.1 * RADIUS**2 / 3
    )
    mixture = Mixture(2, 2000, 0)
    of_one = mixture.latents(np.arange(2000)[mixture.labels == 1])
    torch.testing.assert_close(of_one.mean(0), mixture.means[1], rtol=0, atol=0.06)
    assert float(of_one.std(0).mean()) == pytest.approx(mixture.deviation, rel=0.03)


def test_specs():
    assert [len(getattr(load_data("sphere:3:60"), p)) for p in ("train", "val", "test")] == [
        42,
        9,
        9,
    ]
    data = load_data("subspace:7:60")
    assert (data.shape, data.classes) == ((1, SIDE, SIDE), ("left", "right"))
    assert (data.info["name"], data.info["notes"]) == ("subspace-7", ["of known law"])
    assert data.fingerprint == load_data("subspace:7:60").fingerprint
    assert data.fingerprint != load_data("subspace:7:60", seed=1).fingerprint
    assert data.fingerprint != load_data("subspace:8:60").fingerprint
    assert len(load_data("mixture:4:100").classes or ()) == 4
    assert load_data("distractor:sphere:3:60").shape == (1, 2 * SIDE, SIDE)
    assert not hasattr(load_data("sphere:3:60", size=14).test.source, "denoise")


def test_without_a_number_there_are_ten_dimensions_and_six_thousand_images(monkeypatch):
    asked = []
    monkeypatch.setitem(
        opener.__globals__["KINDS"], "sphere", lambda *a: asked.append(a) or KINDS[1]
    )
    for rest in ("", "12", "12:34"):
        opener("sphere")(rest, Request(seed=5))
    assert asked == [(10, 6000, 5), (12, 6000, 5), (12, 34, 5)]


@pytest.mark.parametrize(
    "spec",
    [
        "sphere:x",
        "subspace:10:3:4",
        "mixture:-2",
        "sphere:2.5",
        "sphere:3:",
        "sphere::50",
        "mixture:3:x",
    ],
)
def test_specs_that_cannot_be_read(spec):
    kind = spec.partition(":")[0]
    with pytest.raises(InputError, match=f"{kind}:K or {kind}:K:IMAGES, got"):
        load_data(spec)


@pytest.mark.parametrize(
    "spec", ["sphere:1", "subspace:0", "mixture:1", f"sphere:{LARGEST}", "sphere:3:9"]
)
def test_numbers_out_of_range(spec):
    with pytest.raises(InputError, match=f"K must be 2 to {LARGEST - 1}, and images at least 10"):
        load_data(spec)


def test_the_most_dimensions():
    known = Sphere(LARGEST - 1, 10, 0)
    x = known.read(np.arange(10))
    assert x.isfinite().all()
    assert known.denoise(x, None, 0.25).isfinite().all()
    assert all(a != b for a, b in pairwise(known.hashes))


def test_more_classes_than_images_is_named():
    with pytest.raises(InputError, match="too few"):
        load_data("mixture:8:12")
