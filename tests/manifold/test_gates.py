import pytest
import torch

from gaussian_data import GaussianManifold, covariance
from offmanifold.errors import RunError
from offmanifold.manifold.gates import SIGMAS, choose_sigma, measure_gates

SHAPE, D, K = (1, 5, 6), 30, 6
VARIANCES = torch.cat([torch.full((K,), 0.5), torch.full((D - K,), 1e-4)])
C = covariance(VARIANCES)
N = 300
DRAWN = torch.randn(N, D, generator=torch.Generator().manual_seed(0), dtype=torch.double)
X = (0.5 + DRAWN @ torch.linalg.cholesky(C).T).reshape(N, *SHAPE)


class Altered(GaussianManifold):
    """The exact denoiser, made wrong by a function of (D(x̃), x̃)."""

    def __init__(self, alter):
        super().__init__(torch.full((1, D), 0.5), C, SHAPE)
        self.alter = alter

    def denoise(self, noisy, y, sigma):
        return self.alter(super().denoise(noisy, y, sigma), noisy)


def gates(alter) -> list[dict[str, float]]:
    return measure_gates(Altered(alter), X, torch.arange(N))


def test_the_exact_denoiser_passes_at_every_sigma():
    for row, sigma in zip(gates(lambda d, noisy: d), SIGMAS, strict=True):
        gain = VARIANCES / (VARIANCES + sigma**2)
        assert row["sigma"] == sigma
        assert row["trace"] == pytest.approx(float(gain.sum()), rel=0.05)
        assert row["error"] == pytest.approx(sigma**2 * float(gain.sum()), rel=0.05)
        assert row["trace_ratio"] == pytest.approx(1, abs=0.06)
        assert row["asymmetry"] < 1e-12
        assert row["shrinkage_ratio"] < 0.7
        assert row["passes"]


def test_a_biased_denoiser_fails_the_trace_gate():
    for row in gates(lambda d, noisy: d + 0.1):
        assert row["trace_ratio"] < 0.9
        assert row["asymmetry"] < 1e-12
        assert row["shrinkage_ratio"] < 2
        assert not row["passes"]


def test_an_asymmetric_part_fails_the_asymmetry_gate():
    def alter(d, noisy):  # of large derivative off the diagonal, and hardly any size
        waves = (1e4 * noisy).sin() * 2e-4
        return d + torch.stack(
            [waves[..., 1], -waves[..., 0], *3 * [0 * d[..., 0]], 0 * d[..., 0]], -1
        )

    row = gates(alter)[2]
    gain = VARIANCES / (VARIANCES + 0.25**2)
    # 5 rows hold a pair of entries 2cos a, −2cos b each: mean ‖J‖² 20, mean ‖J − Jᵀ‖² 5·2·4 = 40
    norm = float(gain.square().sum()) + 20
    assert row["asymmetry"] == pytest.approx(40 / (2 * norm), rel=0.1)
    assert abs(row["trace_ratio"] - 1) <= 0.1
    assert row["shrinkage_ratio"] < 0.9
    assert not row["passes"]


def test_the_identity_knows_no_manifold():
    for row in gates(lambda d, noisy: noisy):
        assert row["trace"] == pytest.approx(D)
        assert row["trace_ratio"] == pytest.approx(1, abs=0.05)  # consistent, but useless
        assert row["asymmetry"] < 1e-12
        assert row["shrinkage_ratio"] > 1
        assert not row["passes"]


def test_shrinkage_to_the_mean_knows_no_manifold():
    variance = float(X.var())
    shrunk = GaussianManifold(torch.full((1, D), 0.5), variance * torch.eye(D), SHAPE)
    for row in measure_gates(shrunk, X, torch.arange(N)):
        assert row["trace_ratio"] == pytest.approx(1, abs=0.1)
        assert row["shrinkage_ratio"] == pytest.approx(1, abs=0.05)
        assert not row["passes"]


def test_a_denoiser_that_diverged_is_an_error():
    with pytest.raises(RunError, match="not finite"):
        gates(lambda d, noisy: d * torch.nan)


def test_the_gates_do_not_depend_on_the_order_of_the_images():
    some, order = X[:20], torch.randperm(20)
    exact = Altered(lambda d, noisy: d)
    first = measure_gates(exact, some, torch.arange(20))
    again = measure_gates(exact, some[order], torch.arange(20)[order])
    for a, b in zip(first, again, strict=True):
        assert a == pytest.approx(b)


@pytest.mark.parametrize(
    ("passing", "chosen"),
    [
        (SIGMAS, 0.25),
        ((0.1, 0.15, 0.5), 0.15),
        ((0.1, 0.35, 0.5), 0.35),
        ((0.1,), 0.1),
        ((), None),
    ],
)
def test_the_passing_sigma_nearest_a_quarter_is_chosen(passing, chosen):
    row = choose_sigma([{"sigma": s, "passes": s in passing} for s in SIGMAS])
    assert (row and row["sigma"]) == chosen
