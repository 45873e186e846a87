"""Derivatives, labels and flags of a callable behind the protocols."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gaussian_data import SHAPE
from offmanifold._core.errors import InputError
from offmanifold.manifolds import CallableManifold, DDPMDenoiser, ManifoldCard
from offmanifold.manifolds.adapters.functions import takes_labels

X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_sigma_multiplies_images():
    shapes = []

    def denoiser(x, sigma):
        shapes.append(tuple(sigma.shape))
        return x / (1 + sigma)

    card = ManifoldCard("mine", "0" * 12, SHAPE)
    manifold = CallableManifold(denoiser, card)
    each = manifold.denoise(X, None, torch.tensor([0.1, 0.2, 0.3]))
    assert shapes == [(3, 1, 1, 1)]
    torch.testing.assert_close(each[1], manifold.denoise(X[1:2], None, 0.2)[0])
    assert shapes[1:] == [()]


class Attention(nn.Module):
    """Group normalisation, attention, dropout: what networks of diffusion models are made of."""

    shape = (1, 8, 8)

    def __init__(self):
        super().__init__()
        self.rise, self.fall = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 1)
        self.norm, self.drop = nn.GroupNorm(2, 8), nn.Dropout(0.5)

    def forward(self, x, sigma):
        hidden = self.rise(x)
        flat = self.norm(hidden).flatten(2).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(flat, flat, flat).transpose(1, 2)
        again = self.norm(mixed.reshape(hidden.shape))
        return x - sigma * self.fall(self.drop(F.silu(again)) + hidden)


@pytest.fixture
def attention() -> CallableManifold:
    torch.manual_seed(0)
    network = Attention().double()
    return CallableManifold(network, ManifoldCard("net", "0" * 12, (1, 8, 8)))


def test_derivatives_of_networks_without_a_forward_mode(attention):
    x, u = torch.rand(2, 2, 1, 8, 8).double()
    v = torch.rand(3, 2, 1, 8, 8).double() - 0.5
    pushed, pulled = attention.push(x, v, 0.25), attention.pull(x, v, 0.25)
    for i in range(2):
        dense = torch.autograd.functional.jacobian(
            lambda a: attention.denoise(a[None], None, 0.25)[0], x[i]
        ).reshape(64, 64)
        flat = v[:, i].flatten(1)
        torch.testing.assert_close(pushed[:, i].flatten(1), flat @ dense.T)
        torch.testing.assert_close(pulled[:, i].flatten(1), flat @ dense)
    torch.testing.assert_close(
        (u * pushed[0]).sum(), (attention.pull(x, u[None], 0.25) * v[0]).sum()
    )


def test_many_images_are_differentiated_in_parts(attention, monkeypatch):
    x, v = torch.rand(5, 1, 8, 8).double(), torch.rand(2, 5, 1, 8, 8).double()
    whole = attention.push(x, v, 0.25), attention.pull(x, v, 0.25)
    asked = []
    monkeypatch.setattr("offmanifold.manifolds.adapters.functions.PIXELS", 2 * 64)
    attention.denoiser.register_forward_pre_hook(lambda _, given: asked.append(len(given[0])))
    torch.testing.assert_close(attention.push(x, v, 0.25), whole[0])
    torch.testing.assert_close(attention.pull(x, v, 0.25), whole[1])
    assert asked == [2, 2, 1, 2, 2, 1]


def test_a_module_is_used_in_eval_mode_and_left_as_found(attention):
    network = attention.denoiser
    network.train()
    network.fall.weight.requires_grad_(False)
    x = torch.rand(2, 1, 8, 8).double()
    state = torch.random.get_rng_state()
    attention.energy(x, x, 0.25)
    attention.score(x, None, 0.25)
    assert torch.equal(torch.random.get_rng_state(), state)  # no dropout was drawn
    assert network.training
    assert network.drop.training
    assert not network.fall.weight.requires_grad
    assert network.rise.weight.requires_grad
    assert all(p.grad is None for p in network.parameters())


def test_without_labels_the_classes_are_not_known(attention):
    with pytest.raises(InputError, match="the manifold net knows no classes"):
        attention.denoise(torch.rand(2, 1, 8, 8).double(), torch.zeros(2).long(), 0.25)


def test_labels_are_those_of_the_denoiser_in_the_order_of_the_card():
    def denoiser(x, sigma, y=None):
        return x if y is None else x + y[:, None, None, None]

    card = ManifoldCard("mine", "0" * 12, SHAPE, ("cat", "dog"))
    manifold = CallableManifold(denoiser, card, (7, 3))
    moved = manifold.denoise(X, torch.tensor([0, 1, 1]), 0.25) - X
    torch.testing.assert_close(moved[:, 0, 0, 0], torch.tensor([7.0, 3, 3]))
    assert torch.equal(manifold.denoise(X, None, 0.25), X)


@pytest.mark.parametrize(
    ("denoiser", "taken"),
    [
        (lambda x, sigma: x, False),
        (lambda x, sigma, y: x, True),
        (lambda x, sigma, *, y=None: x, True),
        (lambda x, sigma, scale=1: x, False),
        (DDPMDenoiser(nn.Identity(), torch.tensor([0.9, 0.5])), False),
        (DDPMDenoiser(nn.Identity(), torch.tensor([0.9, 0.5]), classes=("a", "b")), True),
    ],
)
def test_labels_are_taken_by_name(denoiser, taken):
    assert takes_labels(denoiser) is taken
