from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gaussian_data import subspace_data
from offmanifold._core.errors import Diverged, InputError, RunError
from offmanifold.manifolds import Denoiser, DenoiserManifold, ManifoldCard, fit_manifold
from offmanifold.manifolds.estimators import denoiser
from offmanifold.manifolds.gates import with_sigma

SHAPE = (1, 6, 7)
SIGMA_DATA = 0.6


def fresh(classes: tuple[str, ...] | None = ("a", "b")) -> DenoiserManifold:
    torch.manual_seed(0)
    card = ManifoldCard("denoiser", "0" * 12, SHAPE, classes, sigma=0.25, dimension=4)
    return DenoiserManifold(card, SIGMA_DATA, width=8, depth=1).double().requires_grad_(False)


def opened(classes: tuple[str, ...] | None = ("a", "b")) -> DenoiserManifold:
    """Return a manifold whose net speaks."""
    manifold = fresh(classes)
    for parameter in manifold.net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return manifold


def images(n: int = 3, seed: int = 0) -> Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("sigma", [0.05, 0.25, 1.0])
def test_without_its_net_it_is_the_linear_estimator_in_u(sigma):
    x = images()
    gain = SIGMA_DATA**2 / (SIGMA_DATA**2 + (2 * sigma) ** 2)
    expected = (gain * (2 * x - 1) + 1) / 2
    torch.testing.assert_close(fresh().denoise(x, None, sigma), expected, rtol=1e-6, atol=1e-6)


def test_preconditioning_is_that_of_edm():
    manifold, x, sigma = opened(), images(), torch.tensor([0.1, 0.25, 0.7]).double()
    s = (2 * sigma)[:, None, None, None]
    sd = manifold.sigma_data
    u = 2 * x - 1
    field = manifold.net(
        u / (s**2 + sd**2).sqrt(), torch.pi / 4 * (2 * sigma).log(), torch.full((3,), 2)
    )
    d = sd**2 / (s**2 + sd**2) * u + s * sd / (s**2 + sd**2).sqrt() * field
    torch.testing.assert_close(manifold.denoise(x, None, sigma), (d + 1) / 2)
    assert field.abs().max() > 1e-2


def test_without_noise_it_is_the_identity():
    x = images()
    torch.testing.assert_close(opened().denoise(x, None, 1e-7), x, rtol=0, atol=1e-5)


def test_the_score_in_x_is_twice_the_score_in_u():
    manifold, x, sigma = opened(), images(), 0.25
    manifold.draws = 1
    (noisy,) = manifold.noisy(x, sigma, None)
    u = 2 * noisy - 1
    in_u = ((2 * manifold.denoise(noisy, None, sigma) - 1) - u) / (2 * sigma) ** 2
    torch.testing.assert_close(manifold.score(x, None), 2 * in_u)


def test_jvp_is_the_finite_difference():
    manifold, x, v = opened(), images(), images(seed=1) - 0.5
    h = 1e-5
    difference = manifold.denoise(x + h * v, None, 0.25) - manifold.denoise(x - h * v, None, 0.25)
    (pushed,) = manifold.push(x, v[None], 0.25)
    torch.testing.assert_close(pushed, difference / (2 * h), rtol=1e-6, atol=1e-8)


def test_vjp_is_the_transpose_of_jvp():
    manifold, x = opened(), images()
    u, v = images(seed=1)[None] - 0.5, images(seed=2)[None] - 0.5
    pushed, pulled = manifold.push(x, v, 0.25), manifold.pull(x, u, 0.25)
    torch.testing.assert_close((u * pushed).sum((2, 3, 4)), (pulled * v).sum((2, 3, 4)))
    assert not torch.allclose(manifold.pull(x, v, 0.25), pushed)  # an untrained J is no Jᵀ


def test_many_directions_at_once_are_each_by_itself(monkeypatch):
    manifold, x = opened(), images()
    v = torch.stack([images(seed=s) - 0.5 for s in range(3)])
    for pixels in (10**9, 2 * x[:, 0].numel()):  # all three at once, and two at a time
        monkeypatch.setattr("offmanifold.manifolds.tweedie.PIXELS", pixels)
        for product in (manifold.push, manifold.pull):
            each = torch.stack([product(x, one[None], 0.25)[0] for one in v])
            torch.testing.assert_close(product(x, v, 0.25), each)


def test_the_class_matters_and_none_is_a_class_of_its_own():
    manifold, x = opened(), images(2)
    fields = [
        manifold.denoise(x, y, 0.25) for y in (torch.zeros(2).long(), torch.ones(2).long(), None)
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(fields[one], fields[other])
    assert opened(None).denoise(x, None, 0.25).shape == x.shape


def test_defaults_follow_the_number_of_images():
    small = Denoiser().resolved(range(1400))  # type: ignore[arg-type]
    assert (small.width, small.steps, small.batch_size) == (32, 60 * 1400 // 64, 64)
    large = Denoiser().resolved(range(51_000))  # type: ignore[arg-type]
    assert (large.width, large.steps) == (48, 6000)
    tiny = Denoiser().resolved(range(10))  # type: ignore[arg-type]
    assert (tiny.steps, tiny.batch_size) == (600, 10)
    assert Denoiser(width=8, steps=7).resolved(range(100)).steps == 7  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("width", 0), ("batch_size", 0), ("lr", -1.0), ("label_dropout", 1.5)],
)
def test_settings_that_cannot_be_are_refused(field, value):
    with pytest.raises(InputError, match=field):
        Denoiser(**{field: value})


def row(sigma: float, passes: bool) -> dict[str, float]:
    numbers = {"trace": 40.2, "trace_ratio": 1.02, "asymmetry": 0.03, "error": 2.5}
    interval = {"trace_low": 39.1, "trace_high": 41.3}
    return {"sigma": sigma, **numbers, **interval, "passes": passes}


def test_the_card_takes_the_row_of_the_chosen_sigma():
    card = replace(fresh().card, sigma=None, dimension=None)
    rows = [row(0.1, True), row(0.25, True)]
    found = with_sigma(card, rows)
    assert (found.sigma, found.dimension, found.error) == (0.25, 40.2, 2.5)
    assert found.dimension_interval == (39.1, 41.3)
    assert (found.trace_ratio, found.asymmetry, found.gates) == (1.02, 0.03, rows)


def test_where_no_sigma_passes_the_manifold_is_unusable():
    found = with_sigma(replace(fresh().card, sigma=None), [row(0.1, False), row(0.25, False)])
    assert not found.usable
    assert len(found.gates) == 2


def test_a_fit_that_explodes_is_begun_again_with_half_the_rate(tmp_path, monkeypatch, capsys):
    """And a resumed fit goes on with the attempt that it had come to."""
    data = subspace_data(3, 120, 40)
    rates: list[float] = []
    true = denoiser.optimise

    def exploding(module, loss_at, schedule, *arguments, checkpoint, **named):
        rates.append(schedule.lr)
        checkpoint.write_bytes(b"of this attempt")
        if schedule.lr > 2e-3:
            raise Diverged("fitting the manifold: the loss has risen to 3e+06 at step 2")
        checkpoint.unlink()
        return true(module, loss_at, schedule, *arguments, checkpoint=checkpoint, **named)

    monkeypatch.setattr(denoiser, "optimise", exploding)
    settings = {"width": 8, "steps": 4, "batch_size": 8}
    manifold = fit_manifold(
        data, Denoiser(lr=6e-3, **settings), out=tmp_path / "m", precision="fp32", show=False
    )
    assert rates == [6e-3, 3e-3, 1.5e-3]
    assert "begun again with `lr` 0.0015" in capsys.readouterr().err.replace("\n", " ")
    assert not list((tmp_path / "m").glob("resume*"))
    monkeypatch.setattr(denoiser, "optimise", true)
    gentle = fit_manifold(
        data, Denoiser(lr=1.5e-3, **settings), out=tmp_path / "g", precision="fp32", show=False
    )
    for one, other in zip(manifold.parameters(), gentle.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_fit_that_always_explodes_fails(monkeypatch):
    def exploding(*arguments, **named):
        raise Diverged("fitting the manifold: the loss has risen")

    monkeypatch.setattr(denoiser, "optimise", exploding)
    with pytest.raises(RunError, match="has risen"):
        fit_manifold(subspace_data(3, 120, 40), Denoiser(steps=4), save=False, show=False)


def test_it_knows_the_noise_that_it_is_trained_on():
    settings = Denoiser(width=8, depth=1, log_sigma=-2.0, log_sigma_sd=0.5)
    low, high = settings._unfitted(fresh().card, SIGMA_DATA).noise
    assert (low, high) == (pytest.approx(0.0302, abs=1e-4), pytest.approx(0.6065, abs=1e-4))
