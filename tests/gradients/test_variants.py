import pytest
import torch
from torch import nn

from gaussian_data import D, GaussianManifold, Linear, covariance, images, probe_of
from offmanifold.gradients.input_gradient import core_gradient, input_gradient
from offmanifold.gradients.variants import (
    GRADIENTS,
    SMOOTH_DRAWS,
    SMOOTH_SIGMA,
    VARIANTS,
    Surroundings,
    integrated_gradients,
    scalar_of,
    smooth_gradient,
)
from offmanifold.models.scalars import SCALARS

WEIGHT = torch.randn(3, D, generator=torch.Generator().manual_seed(1))
MEANS = torch.rand(3, D, generator=torch.Generator().manual_seed(0)).double()
C = covariance(torch.linspace(0.01, 1, D))
MANIFOLD = GaussianManifold(MEANS[:1], C)  # one Gaussian: D is affine, with Jacobian C(C + σ²I)⁻¹


class Square(nn.Module):
    """Two logits, ±‖x‖²/2: their log-odds are ±‖x‖²."""

    def forward(self, x):
        half = x.flatten(1).square().sum(1) / 2
        return torch.stack([half, -half], 1)


def smooth_network():
    """A small network with dropout, which is on while it trains."""
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(D, 16), nn.SiLU(), nn.Dropout(0.5), nn.Linear(16, 3)
    return nn.Sequential(*layers)


def noise_of(shape):
    def noise(name, draw):
        generator = torch.Generator().manual_seed(draw)
        return torch.randn(shape, generator=generator)

    return noise


def test_smoothgrad_is_the_mean_gradient_of_noisy_copies():
    x, y = torch.rand(4, 1, 4, 5), torch.tensor([0, 1, 0, 1])
    around = Surroundings(noise_of(x.shape))
    copies = [x + SMOOTH_SIGMA * around.noise("", draw) for draw in range(SMOOTH_DRAWS)]
    sign = torch.where(y == 0, 1.0, -1.0)[:, None, None, None]
    expected = 2 * sign * torch.stack(copies).mean(0)
    torch.testing.assert_close(smooth_gradient(Square(), x, y, around), expected)


def test_smoothgrad_agrees_with_captum_s_up_to_its_own_noise():
    captum = pytest.importorskip("captum.attr")
    model, x, y = smooth_network().eval(), torch.rand(2, 1, 4, 5), torch.tensor([0, 2])
    tunnel = captum.NoiseTunnel(captum.Saliency(lambda x, y: SCALARS["log_prob"].core(model(x), y)))
    theirs = tunnel.attribute(
        x, nt_samples=400, stdevs=SMOOTH_SIGMA, additional_forward_args=y, abs=False
    )
    ours = smooth_gradient(model, x, y, Surroundings(noise_of(x.shape)))
    assert torch.cosine_similarity(ours.flatten(1), theirs.flatten(1)).min() > 0.9


def test_integrated_gradients_are_complete():
    """Their sum over pixels is u(x) − u(black) (Sundararajan et al. 2017)."""
    pytest.importorskip("captum")
    x, y = torch.rand(4, 1, 4, 5), torch.tensor([0, 1, 0, 1])
    found = integrated_gradients(Square(), x, y, Surroundings(noise_of(x.shape)))
    odds = torch.where(y == 0, 1, -1) * x.flatten(1).square().sum(1)
    torch.testing.assert_close(found.flatten(1).sum(1), odds, rtol=1e-3, atol=1e-3)
    assert not found.requires_grad


def test_through_an_affine_denoiser_the_gradient_is_its_transposed_jacobian_s():
    model, sigma = Linear(WEIGHT), 0.25
    probe = probe_of(model, MANIFOLD, images(6, 3), sigma=sigma)
    found = probe.gradient("projected")
    total = torch.zeros_like(found)
    for noisy in MANIFOLD.noisy(probe.x, sigma, probe.index):
        total += core_gradient(model, MANIFOLD.denoise(noisy, None, sigma), probe.y)[0]
    mean = (total / MANIFOLD.draws).flatten(1).double()
    expected = (mean @ MANIFOLD.gain(sigma)).float().view_as(found)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_it_goes_through_the_second_manifold_where_there_is_one():
    other = GaussianManifold(MEANS[:1], covariance(torch.linspace(1, 0.01, D)))
    probe = probe_of(Linear(WEIGHT), MANIFOLD, images(6, 3), second=other)
    alone = probe_of(Linear(WEIGHT), other, images(6, 3))
    assert torch.equal(probe.gradient("projected"), alone.gradient("projected"))


@pytest.mark.parametrize("name", [n for n in VARIANTS if n != "attributions"])  # a user's code
def test_a_variant_is_the_same_in_any_batch_and_leaves_no_trace(name):
    pytest.importorskip("captum")
    model = smooth_network().train()
    grads = [p.requires_grad for p in model.parameters()]
    torch.manual_seed(0)
    state = torch.get_rng_state()
    whole = probe_of(model, MANIFOLD, images(6, 3)).gradient(name)
    part = probe_of(model, MANIFOLD, images(6, 3), rows=[4, 1]).gradient(name)
    torch.testing.assert_close(part, whole[[4, 1]], rtol=1e-4, atol=1e-6)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert [p.requires_grad for p in model.parameters()] == grads
    assert all(p.grad is None for p in model.parameters())


def test_scalars_and_variants_are_one_vocabulary():
    assert GRADIENTS.keys() == SCALARS.keys() | VARIANTS.keys()
    assert {scalar_of(name) for name in VARIANTS} == {"log_prob"}
    assert scalar_of("logit") == "logit"
    x, y = torch.rand(2, 1, 4, 5), torch.tensor([0, 1])
    around = Surroundings(noise_of(x.shape))
    found = GRADIENTS["logit"](Square(), x, y, around)
    assert torch.equal(found, input_gradient(Square(), x, y, "logit"))
