"""Its frames against autograd and linear decoders, its fit on a linear subspace."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev

from gaussian_data import SHAPE, D, data_of, rotated, subspace_data
from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError, RunError
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import (
    Autoencoder,
    ManifoldCard,
    Place,
    Score,
    Tangent,
    fit_manifold,
    load_manifold,
)
from offmanifold.manifolds.estimators import autoencoder
from offmanifold.manifolds.estimators.autoencoder import AutoencoderManifold, Decoder, Encoder

CARD = ManifoldCard("autoencoder", "0" * 12, SHAPE, sigma=0.25, dimension=3)
TINY = Autoencoder(latent=3, width=4, steps=12, batch_size=8)
QUICK = {"precision": "fp32", "device": "cpu", "show": False}


def fresh(shape=SHAPE, latent: int = 3) -> AutoencoderManifold:
    torch.manual_seed(0)
    manifold = AutoencoderManifold(replace(CARD, shape=shape), 4, latent)
    return manifold.double().requires_grad_(False)


def fit(data: Data, estimator: Autoencoder = TINY, **options):
    return fit_manifold(data, estimator, **{"save": False, **QUICK, **options})


class LinearCoder(nn.Module):
    """x → Wx (and its log-variance), or z → Wᵀz + b."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor):
        if self.bias is None:
            mean = x.flatten(1) @ self.weight.T
            return mean, torch.zeros_like(mean)
        return (x @ self.weight + self.bias).reshape(-1, *SHAPE)


@pytest.mark.parametrize("sigma", [0.1, 0.25])
def test_a_linear_decoder_is_the_gaussian_of_its_covariance(sigma):
    weight = torch.rand(3, D, generator=torch.Generator().manual_seed(0)).double() / 4
    mean = torch.linspace(0, 1, D).double()
    manifold = fresh()
    manifold.encoder, manifold.decoder = LinearCoder(weight), LinearCoder(weight, mean)
    c = weight.T @ weight  # of codes ~ N(0, I)
    gain = c @ torch.linalg.inv(c + sigma**2 * torch.eye(D))
    x, v = torch.rand(4, *SHAPE).double(), torch.rand(4, *SHAPE).double() - 0.5
    torch.testing.assert_close(manifold.tangent(x, v, sigma).flatten(1), v.flatten(1) @ gain)
    q = manifold.basis(x, 3)
    span = torch.linalg.qr(weight.T)[0]
    torch.testing.assert_close(q.transpose(1, 2) @ q, (span @ span.T).expand(4, D, D))
    origin = x.flatten(1) @ weight.T @ weight + mean
    expected = origin + (x.flatten(1) - origin) @ gain
    torch.testing.assert_close(manifold.denoise(x, None, sigma).flatten(1), expected)


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 7, 6), (1, 1, 9)])
def test_the_frame_is_that_of_the_decoders_jacobian(shape):
    manifold = fresh(shape)
    x = torch.rand(3, *shape).double()
    codes = manifold.encoder(x)[0]
    assert codes.std() > 1e-3
    frame = manifold.at(x)
    for i, code in enumerate(codes):
        jacobian = jacrev(lambda z: manifold.decoder(z[None]).flatten())(code)  # (d, k)
        rows, variances = frame.rows[i], frame.variances[i]
        torch.testing.assert_close(rows.T * variances @ rows, jacobian @ jacobian.T)
        torch.testing.assert_close(rows @ rows.T, torch.eye(3).double())
        assert (variances.diff() <= 0).all()
        torch.testing.assert_close(frame.origin[i], manifold.decoder(code[None]).flatten())


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 5, 7), (3, 2, 9), (2, 1, 1)])
def test_any_size_and_number_of_channels(shape):
    encoder, decoder = Encoder(shape, 4, 3), Decoder(shape, 4, 3)
    mean, log_variance = encoder(torch.rand(2, *shape))
    assert mean.shape == log_variance.shape == (2, 3)
    assert decoder(mean).shape == (2, *shape)


def test_the_code_sees_the_whole_image_and_all_pixels_are_decoded():
    shape = (2, 5, 7)
    manifold = fresh(shape)
    seen = jacrev(lambda x: manifold.encoder(x[None])[0])(torch.rand(shape).double())
    assert (seen.abs().sum((0, 1)) > 0).all()
    decoded = jacrev(lambda z: manifold.decoder(z[None]))(torch.rand(3).double())
    assert (decoded.abs().sum(-1) > 0).all()


def test_an_image_is_seen_alike_in_any_batch():
    manifold = fresh()
    x, v = torch.rand(4, *SHAPE).double(), torch.rand(4, *SHAPE).double()
    whole = manifold.tangent(x, v)
    for rows in (torch.tensor([2, 0, 3, 1]), torch.tensor([1])):
        torch.testing.assert_close(manifold.tangent(x[rows], v[rows]), whole[rows])


@pytest.fixture(scope="module")
def of_subspace():
    """A fit on images of a linear subspace of two dimensions, latent codes to spare."""
    data = subspace_data(2, 480, 40, scale=0.4)
    estimator = Autoencoder(latent=4, width=8, steps=350, batch_size=64, lr=1e-2)
    place = Place(show=False)
    return data, estimator.fit(data, replace(CARD, sigma=None), Engine("cpu", "fp32"), place), place


def test_a_linear_subspace_is_found(of_subspace):
    data, manifold, _ = of_subspace
    x, top = data.test.read(data.test.rows).x, rotated(D)[:, :2].float()
    q = manifold.basis(x, 2)
    assert torch.linalg.svdvals(q @ top)[:, 1].mean() > 0.95
    gain = 0.4**2 / (0.4**2 + 0.25**2)
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    on = (v.flatten(1) @ top).square().sum(1)
    assert float(manifold.energy(x, v, 0.25).sum() / on.sum()) == pytest.approx(gain, rel=0.15)
    assert manifold.card.sigma is not None
    assert manifold.card.rank == pytest.approx(2, abs=0.2)  # codes to spare fell silent


def test_the_held_out_evidence_falls(of_subspace):
    _, _, place = of_subspace
    watched = [row["held_out"] for row in place.log if "held_out" in row]
    assert watched[-1] < watched[0] / 2


def test_what_is_saved_is_what_was_fitted(tmp_path):
    data = data_of(torch.rand(30, *SHAPE), 6)
    saved, unsaved = fit(data, save=True, out=tmp_path / "m"), fit(data)
    x, v = torch.rand(3, *SHAPE), torch.rand(3, *SHAPE)
    for again in (unsaved, load_manifold(tmp_path / "m")):
        assert torch.equal(again.tangent(x, v, 0.2), saved.tangent(x, v, 0.2))
        assert replace(again.card, spec="") == replace(saved.card, spec="")
    untrained = AutoencoderManifold(saved.card, 4, 3)
    assert not torch.equal(untrained.tangent(x, v, 0.2), saved.tangent(x, v, 0.2))
    other = fit(data, seed=1)
    assert not torch.equal(other.tangent(x, v, 0.2), saved.tangent(x, v, 0.2))
    assert isinstance(saved, Tangent)
    assert not isinstance(saved, Score)
    assert saved.card.classes is None
    assert not any(p.requires_grad for p in saved.parameters())


def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path):
    data = data_of(torch.rand(30, *SHAPE), 6)
    forward, asked = Encoder.forward, []

    def interrupted(self, x):
        asked.append(1)
        if len(asked) == 9:
            signal.raise_signal(signal.SIGINT)
        return forward(self, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(data, save=True, out=tmp_path / "m")
    step = torch.load(tmp_path / "m" / "resume.pt", weights_only=True)["step"]
    assert 0 < step < TINY.steps
    resumed, whole = fit(data, save=True, out=tmp_path / "m"), fit(data)
    assert not (tmp_path / "m" / "resume.pt").exists()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor)


def test_fitting_leaves_the_random_state_alone():
    data, before = data_of(torch.rand(30, *SHAPE), 6), torch.get_rng_state()
    fit(data)
    assert torch.equal(torch.get_rng_state(), before)


def test_images_for_judging_are_never_read(monkeypatch):
    read, seen = Split.read, set()

    def recorded(self, index):
        seen.update(np.asarray(index).tolist())
        return read(self, index)

    monkeypatch.setattr(Split, "read", recorded)
    fit(data_of(torch.rand(30, *SHAPE), 6))
    assert seen == set(range(24))


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(tmp_path, monkeypatch):
    data = data_of(torch.rand(30, *SHAPE), 6)
    forward, asked = Encoder.forward, []

    def broken(self, x):
        asked.append(1)
        return tuple(t * (torch.nan if len(asked) > 8 else 1) for t in forward(self, x))

    optimise = autoencoder.optimise
    monkeypatch.setattr(
        autoencoder, "optimise", lambda *a, **k: optimise(*a, **k, checkpoint_seconds=0)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "forward", broken)
        with pytest.raises(RunError, match="not finite at step .* of 12"):
            fit(data, save=True, out=tmp_path / "m")
    state = torch.load(tmp_path / "m" / "resume.pt", weights_only=True)
    assert 0 < state["step"] < 12
    kept = [*state["module"].values(), *state["average"], *state["best"]["values"]]
    assert all(tensor.isfinite().all() for tensor in kept)
    resumed, whole = fit(data, save=True, out=tmp_path / "m"), fit(data)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor)


def test_defaults_follow_the_number_of_images():
    many = Autoencoder().resolved(range_of(1400, (1, 28, 28)))
    assert (many.steps, many.batch_size, many.latent) == (40 * 1400 // 64, 64, 64)
    few = Autoencoder().resolved(range_of(10, (1, 4, 5)))
    assert (few.steps, few.batch_size, few.latent) == (600, 10, 20)
    assert Autoencoder().resolved(range_of(60_000, (1, 28, 28))).steps == 6000
    assert Autoencoder(steps=7).resolved(range_of(100, (1, 28, 28))).steps == 7


def range_of(n: int, shape: tuple[int, int, int]) -> Split:
    return data_of(torch.zeros(n + 2, *shape), 1).train


def test_fewer_images_than_dimensions():
    manifold = fit(data_of(torch.rand(12, 1, 12, 12), 3))
    assert (
        manifold.tangent(torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 12), 0.25).isfinite().all()
    )


def test_constant_images_carry_no_manifold():
    with pytest.raises(InputError, match="same grey"):
        fit(data_of(torch.full((30, *SHAPE), 0.3), 5))


@pytest.mark.parametrize("field", ["latent", "width", "steps", "batch_size", "lr", "deviation"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_settings_that_cannot_be_are_refused(field, value):
    with pytest.raises(InputError, match=f"{field} > 0, not {value}"):
        Autoencoder(**{field: value})


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match="fitted at"):
        fresh().tangent(torch.rand(1, 1, 5, 5), torch.rand(1, 1, 5, 5))
