"""Around closed-form denoisers, whose scores span what is known."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gaussian_data import SHAPE, D, GaussianManifold, covariance, data_of, rotated, subspace_data
from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold.manifolds import (
    Denoiser,
    DenoiserManifold,
    ManifoldCard,
    Place,
    ScoreSVD,
    Tangent,
    fit_manifold,
    load_manifold,
)
from offmanifold.manifolds.estimators.score_svd import CHUNK, ScoreSVDManifold

VARIANCES = torch.cat([torch.linspace(0.3, 0.02, 5), torch.zeros(D - 5)])
C = covariance(VARIANCES)
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0)).double()
V = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1)).double() - 0.5
TINY = ScoreSVD(width=8, depth=1, steps=6, batch_size=8)
QUICK = {"precision": "fp32", "device": "cpu", "show": False}


def around(gaussian: GaussianManifold, near: float = 0.1, points: int = 4) -> ScoreSVDManifold:
    return ScoreSVDManifold(gaussian.card, gaussian, near, points)  # type: ignore[arg-type]


def exact() -> GaussianManifold:
    return GaussianManifold(torch.full((1, D), 0.5), C)


@pytest.mark.parametrize("near", [0.05, 0.1, 0.3])
def test_of_a_gaussian_it_is_the_denoiser_at_any_sigma(near):
    manifold = around(exact(), near)
    for sigma in (0.1, 0.25, 0.5):
        expected = exact().tangent(X, V, sigma)
        torch.testing.assert_close(manifold.tangent(X, V, sigma), expected, rtol=1e-3, atol=1e-5)
    gains = VARIANCES / (VARIANCES + 0.25**2)
    torch.testing.assert_close(
        manifold.spectrum(X, D), gains.double().expand(3, D), rtol=1e-3, atol=1e-5
    )
    torch.testing.assert_close(
        manifold.dimension(X), gains.sum().double().expand(3), rtol=1e-3, atol=0
    )


def test_a_linear_subspace_is_found_exactly():
    manifold = around(exact())
    for k in range(1, 6):
        q = manifold.basis(X, k)
        top = rotated(D)[:, :k]
        torch.testing.assert_close(
            q.transpose(1, 2) @ q, (top @ top.T).expand(3, D, D), rtol=0, atol=1e-5
        )


def test_the_origin_is_where_the_denoiser_takes_the_image():
    """J(x − m) + m = D(x) of a linear denoiser; the local Gaussian is around it."""
    frame = around(exact()).at(X)
    expected = exact().denoise(X, None, 0.1).flatten(1)
    torch.testing.assert_close(frame.origin, expected, rtol=0, atol=1e-5)


def test_the_noise_is_that_of_the_image():
    class Bent(GaussianManifold):  # no linear map, so that the noise shows
        def denoise(self, noisy, y, sigma):
            return super().denoise(noisy, y, sigma) + 0.02 * (5 * noisy).sin()

    manifold, index = around(Bent(torch.full((1, D), 0.5), C)), torch.tensor([7, 1, 4])
    whole = manifold.tangent(X, V, index=index)
    for rows in (torch.tensor([2, 0, 1]), torch.tensor([1])):
        part = manifold.tangent(X[rows].clone(), V[rows], index=index[rows])
        torch.testing.assert_close(part, whole[rows])
    assert not torch.allclose(manifold.tangent(X, V, index=index + 1), whole, rtol=1e-4)
    default = manifold.tangent(X, V)
    assert torch.equal(manifold.tangent(X, V, index=torch.arange(3)), default)


def test_many_points_are_denoised_in_parts():
    asked = []

    class Counted(GaussianManifold):
        def denoise(self, noisy, y, sigma):
            asked.append(len(noisy))
            return super().denoise(noisy, y, sigma)

    around(Counted(torch.full((1, D), 0.5), C), points=30).tangent(X[:1], V[:1])
    assert asked == [CHUNK, 30 * D - CHUNK]


def test_a_denoiser_that_is_the_identity_keeps_all_and_stays_finite():
    class Nothing(GaussianManifold):
        def denoise(self, noisy, y, sigma):
            return noisy

    manifold = around(Nothing(torch.zeros(1, D), C))
    torch.testing.assert_close(manifold.tangent(X, V), V, rtol=1e-4, atol=1e-5)
    assert float(manifold.dimension(X)[0]) == pytest.approx(D, rel=1e-4)

    class Expanding(GaussianManifold):
        def denoise(self, noisy, y, sigma):
            return 0.5 + 5 * (0.5 - noisy)  # 1 − J = 6: outside any theory

    assert around(Expanding(torch.zeros(1, D), C)).tangent(X, V).abs().max() < 1e-4


def images_of_the_subspace():
    return subspace_data(5, 120, 40, scale=0.3)


class Fitted(GaussianManifold):
    """A denoiser that was fitted: its card holds what was found."""

    def __init__(self):
        c = covariance(torch.cat([torch.full((5,), 0.09), torch.zeros(D - 5)]))
        super().__init__(torch.full((1, D), 0.5), c)
        self.card = replace(
            self.card, sigma=0.1, dimension=17.0, rank=17.0, asymmetry=0.5, classes=("a", "b")
        )


def test_it_is_judged_by_itself_on_held_out_images():
    data = images_of_the_subspace()
    manifold = ScoreSVD().around(Fitted(), data)  # type: ignore[arg-type]
    card = manifold.card
    assert card.classes is None  # of tangents alone
    assert card.sigma is not None
    assert card.sigma != Fitted().card.sigma
    dimension = 5 * 0.09 / (0.09 + card.sigma**2)
    assert card.dimension_interval[0] < dimension < card.dimension_interval[1]
    x = data.test.read(data.test.rows[:3]).x
    torch.testing.assert_close(
        manifold.dimension(x), torch.full((3,), dimension), rtol=1e-3, atol=0
    )
    assert card.rank == 5
    assert card.asymmetry == pytest.approx(0, abs=1e-6)
    assert all(row["wiener_error"] > 0 for row in card.gates)


def test_what_its_denoiser_was_allowed_is_not_handed_on():
    class Useless(Fitted):
        def denoise(self, noisy, y, sigma):
            return noisy

    manifold = ScoreSVD().around(Useless(), images_of_the_subspace())  # type: ignore[arg-type]
    card = manifold.card
    assert not card.usable
    assert not any(row["passes"] for row in card.gates)
    assert (card.dimension, card.rank, card.asymmetry, card.error) == (None,) * 4


def test_a_tiny_fit_is_saved_and_found_again(tmp_path):
    data = data_of(torch.rand(24, 1, 4, 4), 4)
    saved = fit_manifold(data, TINY, out=tmp_path / "m", **QUICK)
    unsaved = fit_manifold(data, TINY, save=False, **QUICK)
    x, v = torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4)
    for again in (unsaved, load_manifold(tmp_path / "m")):
        assert isinstance(again, ScoreSVDManifold)
        assert torch.equal(again.tangent(x, v, 0.25), saved.tangent(x, v, 0.25))
        assert again.card.gates == saved.card.gates
    assert isinstance(saved, Tangent)
    assert isinstance(saved.denoiser, DenoiserManifold)
    assert saved.card.spec == str(tmp_path / "m")
    assert not any(p.requires_grad for p in saved.parameters())
    plain = {f: getattr(TINY, f) for f in ("width", "depth", "steps", "batch_size")}
    denoiser = fit_manifold(data, Denoiser(**plain), save=False, **QUICK)
    noisy = torch.rand(2, 1, 4, 4)
    for name, tensor in denoiser.state_dict().items():
        assert torch.equal(saved.denoiser.state_dict()[name], tensor)
    assert torch.equal(saved.denoiser.denoise(noisy, None, 0.2), denoiser.denoise(noisy, None, 0.2))
    assert denoiser.card.hash != saved.card.hash


def shaped(shape: tuple[int, int, int]) -> tuple[ScoreSVD, ManifoldCard]:
    return ScoreSVD(steps=1), ManifoldCard("score_svd", "0" * 12, shape)


@pytest.mark.parametrize("shape", [(1, 33, 32), (3, 19, 19)])
def test_large_images_are_refused_with_the_cost(shape):
    d = shape[0] * shape[1] * shape[2]
    estimator, card = shaped(shape)
    data = data_of(torch.rand(8, *shape), 2)
    expected = f"{4 * d:,} copies of each image and decompose {d} × {d} scores; .*give `force`"
    with pytest.raises(InputError, match=expected):
        estimator.fit(data, card, Engine("cpu", "fp32"), Place(show=False))


def test_unless_forced(monkeypatch):
    fitted = []

    def fit(self, data, card, engine, place) -> Tensor:
        fitted.append(card)
        raise KeyboardInterrupt

    monkeypatch.setattr(Denoiser, "fit", fit)
    data = data_of(torch.rand(8, 1, 33, 32), 2)
    for estimator, shape in ((ScoreSVD(force=True), (1, 33, 32)), (ScoreSVD(), (1, 32, 32))):
        card = ManifoldCard("score_svd", "0" * 12, shape, ("a", "b"))
        with pytest.raises(KeyboardInterrupt):
            estimator.fit(data, card, Engine("cpu", "fp32"), Place(show=False))
        assert fitted.pop().classes is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"points": 3}, "at least 4 points"),
        ({"near": 0.0}, "near > 0"),
        ({"near": -0.1}, "near > 0"),
        ({"near": float("inf")}, "near > 0"),
        ({"near": float("nan")}, "near > 0"),
        ({"steps": 0}, "steps > 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, named):
    with pytest.raises(InputError, match=named):
        ScoreSVD(**wrong)
