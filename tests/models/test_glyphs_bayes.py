import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.glyph_rendering import REACH, render
from offmanifold.data.glyphs import TAU, Glyphs
from offmanifold.gradients.input_gradient import input_gradient
from offmanifold.models import build_model, load_model
from offmanifold.models.glyphs_bayes import GlyphsBayes

N = 500
INDEX = np.arange(N)


@pytest.fixture(scope="module")
def glyphs() -> Glyphs:
    return Glyphs(N, seed=5)


@pytest.fixture(scope="module")
def bayes() -> GlyphsBayes:
    return GlyphsBayes().eval()


@pytest.fixture(scope="module")
def logits(glyphs, bayes) -> torch.Tensor:
    return bayes(glyphs.read(INDEX))


def noisy(glyphs: Glyphs, n: int, sigma: float) -> torch.Tensor:
    z = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return glyphs.read(INDEX[:n]) + sigma * z


def outside(gradient: torch.Tensor, tangents: torch.Tensor) -> torch.Tensor:
    """Return the share of energy of gradients (n, d) outside the span of tangents (n, k, d)."""
    q = torch.linalg.qr(tangents.transpose(1, 2))[0]
    along = q @ (q.transpose(1, 2) @ gradient[:, :, None])
    return (gradient - along[:, :, 0]).square().sum(1) / gradient.square().sum(1)


@pytest.mark.parametrize("pair", ["25", "38", "AB"])
def test_latents_are_recovered(pair):
    glyphs, bayes = Glyphs(200, pair, seed=2), GlyphsBayes(pair)
    z = bayes.latents(glyphs.read(INDEX[:200]))
    error = (z - glyphs.latents(INDEX[:200])).abs() / torch.tensor(REACH, dtype=torch.double)
    assert (error.amax(1) < 1e-4).double().mean() >= 0.995


def test_probabilities_are_the_posterior(glyphs, logits):
    assert logits.shape == (N, 2)
    assert logits.dtype == torch.float32
    away = (logits.double().softmax(1) - glyphs.posterior(INDEX)).abs().amax(1)
    assert (away < 1e-5).double().mean() >= 0.995


def test_accuracy_is_the_bayes_rate_and_the_loss_the_entropy(glyphs, logits):
    y = torch.from_numpy(glyphs.labels)
    best = glyphs.posterior(INDEX).amax(1)
    assert best.mean() == pytest.approx(1 - TAU * math.log(2), abs=0.02)
    accuracy = (logits.argmax(1) == y).double().mean()
    deviation = (best * (1 - best)).sum().sqrt() / N
    assert abs(accuracy - best.mean()) < 4 * deviation
    p = glyphs.posterior(INDEX)
    entropy = -(p * p.log()).sum(1)
    spread = ((p * p.log().square()).sum(1) - entropy**2).sum().sqrt() / N
    assert abs(F.cross_entropy(logits.double(), y) - entropy.mean()) < 4 * spread


@pytest.mark.parametrize("name", ["log_prob", "margin", "logsumexp"])
def test_gradients_are_tangent_on_the_manifold(glyphs, bayes, name):
    x, y = glyphs.read(INDEX[:200]), torch.from_numpy(glyphs.labels[:200])
    gradient = input_gradient(bayes, x, y, name).flatten(1).double()
    assert (gradient.norm(dim=1) > 1e-6).all()
    tangents = torch.cat(glyphs.tangents(INDEX[:200]), 1)
    assert outside(gradient, tangents).max() < 1e-6
    assert outside(gradient, tangents[:, 1:]).min() > 0.05  # nuisances alone do not hold it


def test_the_gradient_sees_t_and_no_nuisance(glyphs, bayes):
    x = glyphs.read(INDEX[:100]).double().requires_grad_()
    (gradient,) = torch.autograd.grad(bayes(x)[:, 1].sum(), x)
    along = torch.cat(glyphs.tangents(INDEX[:100]), 1) @ gradient.flatten(1)[:, :, None]
    expected = torch.zeros(100, 7).double()
    expected[:, 0] = 1 / TAU
    torch.testing.assert_close(along[:, :, 0], expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_gradients_agree_with_finite_differences(glyphs, bayes, sigma):
    x = noisy(glyphs, 12, sigma).double().requires_grad_()
    (gradient,) = torch.autograd.grad(bayes(x)[:, 1].sum(), x)
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).double()
    v = v + 30 * gradient  # along the gradient too, so that the slope is no small difference
    v = v / v.flatten(1).norm(dim=1)[:, None, None, None]
    slope = (bayes(x + 1e-3 * v) - bayes(x - 1e-3 * v))[:, 1].detach() / 2e-3
    torch.testing.assert_close((gradient * v).sum((1, 2, 3)), slope, rtol=2e-3, atol=1e-3)


def test_no_point_of_the_manifold_is_nearer(glyphs, bayes):
    """Neither the true latents of a noisy image nor those of any other image."""
    x = noisy(glyphs, 100, 0.25)
    z = bayes.latents(x)
    assert (z.abs() <= torch.tensor(REACH, dtype=torch.double)).all()
    found = (x - render(bayes.splines, z)).flatten(1).norm(dim=1)
    others = torch.cdist(x.flatten(1).double(), glyphs.read(INDEX).flatten(1).double())
    assert (found <= others.amin(1)).all()


def test_t_is_held_where_the_manifold_ends(bayes):
    z = torch.zeros(2, 7).double()
    z[0, 0], z[1, 0] = -1.2, 1.2
    x = render(bayes.splines, z).requires_grad_()
    logits = bayes(x)
    torch.testing.assert_close(logits[:, 1], torch.tensor([-1.0, 1.0]).double() / TAU)
    assert not torch.autograd.grad(logits[:, 1].sum(), x)[0].any()


def test_a_batch_of_one_equals_a_batch_of_many(glyphs, bayes, logits):
    alone = torch.cat([bayes(glyphs.read(np.array([i]))) for i in range(5)])
    torch.testing.assert_close(alone, logits[:5], atol=1e-5, rtol=1e-5)
    x = noisy(glyphs, 3, 1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = bayes(x)
    torch.testing.assert_close(under_autocast, bayes(x), atol=1e-3, rtol=1e-3)


def test_shuffled_splines_know_nothing(glyphs, bayes, logits):
    shuffled = copy.deepcopy(bayes)
    order = torch.randperm(bayes.splines.numel(), generator=torch.Generator().manual_seed(0))
    shuffled.splines.copy_(bayes.splines.flatten()[order].view_as(bayes.splines))
    x, y = glyphs.read(INDEX[:40]), torch.from_numpy(glyphs.labels[:40])
    away = (shuffled(x) - logits[:40]).abs().amax(1)
    assert away.median() > 0.5
    assert torch.isfinite(input_gradient(shuffled, x, y, "margin")).all()


def test_it_is_a_spec_and_its_classes_those_of_the_data(glyphs, logits):
    data = load_data("glyphs:50:38")
    loaded = load_model("bayes:glyphs", classes=data.classes, shape=data.shape)
    assert loaded.card.classes == ("3", "8")
    assert loaded.card.outputs == 2
    batch = data.train.read(data.train.rows)
    posterior = data.train.source.posterior(data.train.rows)
    found = loaded.module(batch.x).double().softmax(1)
    torch.testing.assert_close(found, posterior, atol=1e-5, rtol=0)
    assert load_model("bayes:glyphs:AB").card.classes == ("A", "B")
    plain = load_model("bayes:glyphs")
    torch.testing.assert_close(plain.module(glyphs.read(INDEX[:3])), logits[:3])
    assert plain.card.weights_hash != loaded.card.weights_hash


def test_beside_a_distractor_it_looks_at_the_signal():
    data = load_data("distractor:glyphs:60")
    module = load_model("bayes:glyphs", classes=data.classes, shape=data.shape).module
    batch = data.train.read(data.train.rows)
    posterior = data.train.source.inner.posterior(data.train.rows)
    torch.testing.assert_close(module(batch.x).double().softmax(1), posterior, atol=1e-5, rtol=0)
    gradient = input_gradient(module, batch.x, batch.y, "log_prob")
    assert not gradient[batch.mask == 0].any()
    tangents = torch.cat(data.train.source.tangents(data.train.rows), 1)
    assert outside(gradient.flatten(1).double(), tangents).max() < 1e-6


@pytest.mark.parametrize(
    ("spec", "shape", "said"),
    [
        ("bayes:digits", (1, 28, 28), 'there is "bayes:glyphs"'),
        ("bayes", (1, 28, 28), "bayes"),
        ("bayes:glyphs", (1, 16, 16), "not images of shape"),
        ("bayes:glyphs:3", (1, 28, 28), "two different characters"),
    ],
)
def test_bad_specs_are_refused(spec, shape, said):
    with pytest.raises(InputError, match=said):
        load_model(spec, shape=shape)


def test_it_is_not_to_be_trained():
    with pytest.raises(InputError, match="nothing to train"):
        build_model("bayes:glyphs", classes=("2", "5"), shape=(1, 28, 28), for_training=True)
