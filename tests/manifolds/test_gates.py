from dataclasses import replace

import numpy as np
import pytest
import torch

from gaussian_data import GaussianManifold, covariance, data_of, rotated
from offmanifold._core.errors import RunError
from offmanifold.data.types import Split
from offmanifold.manifolds import Frame, FrameManifold, ManifoldCard
from offmanifold.manifolds.gates import (
    SIGMAS,
    choose_sigma,
    complete,
    may_ask,
    measure_gates,
    measure_rank,
)
from offmanifold.manifolds.linear import Wiener

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


class Frames(FrameManifold):
    """The tangent spaces of the same Gaussian, wrong by a constant that moves no tangent."""

    def __init__(self, bias: float, variances: torch.Tensor = VARIANCES):
        super().__init__()
        self.card = ManifoldCard("frames", "0" * 12, SHAPE)
        self.bias, self.variances = bias, variances.double()

    def frame(self, x, index):
        n = len(x)
        rows = rotated(D).T.expand(n, -1, -1)
        origin = torch.full((n, D), 0.5 + self.bias).double()
        return Frame(rows, self.variances.expand(n, -1), origin)


def test_tangent_spaces_alone_need_not_keep_the_errors_promise():
    index = torch.arange(N)
    for manifold in (Frames(0.1), Frames(0)):
        rows = measure_gates(manifold, X, index)
        exact = gates(lambda d, noisy: d)
        for row, true in zip(rows, exact, strict=True):
            assert row["trace"] == pytest.approx(true["trace"])
            assert row["asymmetry"] < 1e-12
    biased = measure_gates(Frames(0.06), X, index)[2]
    assert biased["trace_ratio"] < 0.9
    assert biased["shrinkage_ratio"] < 0.9
    assert biased["passes"]
    scored = Frames(0.06)
    scored.scores = True
    assert not measure_gates(scored, X, index)[2]["passes"]


def test_tangent_spaces_of_no_use_fail_all_the_same():
    for manifold in (Frames(0, torch.full((D,), torch.inf)), Frames(0.3)):
        assert not any(row["passes"] for row in measure_gates(manifold, X, torch.arange(N)))


def test_the_interval_of_the_dimension_is_of_the_mean_over_images():
    row = gates(lambda d, noisy: d)[2]
    gain = covariance(VARIANCES / (VARIANCES + 0.25**2))
    deviation = (2 * (gain.square().sum() - gain.diagonal().square().sum())).sqrt()  # Hutchinson's
    width = row["trace_high"] - row["trace_low"]
    assert width == pytest.approx(2 * 1.96 * float(deviation) / (4 * N) ** 0.5, rel=0.15)
    assert abs(row["trace"] - float(gain.trace())) < width
    alone = measure_gates(Altered(lambda d, noisy: d), X[:1], torch.arange(1))[2]
    assert alone["trace_low"] == pytest.approx(0)  # of one image nothing is known


@pytest.mark.parametrize("sigma", [0.1, 0.25, 0.8])
def test_the_rank_is_the_number_of_directions_wider_than_the_noise(sigma):
    variances = torch.linspace(0.002, 1, D)
    manifold = GaussianManifold(torch.full((1, D), 0.5), covariance(variances), SHAPE, sigma)
    expected = int((variances > sigma**2).sum())
    assert 1 < expected < D
    assert measure_rank(manifold, X[:5], torch.arange(5)) == (expected, expected, expected)


def test_the_rank_has_an_interval_over_images():
    class Two(Frames):
        def frame(self, x, index):
            frame = super().frame(x, index)
            wide = torch.arange(D) < 4 + 2 * (torch.arange(len(x))[:, None] % 2)
            return Frame(frame.rows, wide.double(), frame.origin)

    manifold = Two(0)
    manifold.card = replace(manifold.card, sigma=0.25, dimension=5.0)
    mean, low, high = measure_rank(manifold, X[:8], torch.arange(8))
    assert mean == 5
    assert high - mean == mean - low == pytest.approx(1.96 * (8 / 7) ** 0.5 / 8**0.5)
    assert measure_rank(manifold, X[:1], torch.arange(1)) == (4, 0, 8)


def test_a_completed_card_says_all_of_it():
    data = data_of(X.float(), 60)
    manifold = Altered(lambda d, noisy: d)
    complete(manifold, data, images=40, seed=3)
    card, chosen = manifold.card, choose_sigma(manifold.card.gates)
    assert chosen is not None
    assert card.sigma == chosen["sigma"] == 0.25
    assert card.dimension == chosen["trace"]
    assert card.dimension_interval == (chosen["trace_low"], chosen["trace_high"])
    assert (card.rank, card.rank_interval) == (K, (K, K))
    assert (card.error, card.asymmetry) == (chosen["error"], chosen["asymmetry"])
    held_out = data.val.subset(40, 3)
    batch = held_out.read(held_out.rows)
    again = measure_gates(manifold, batch.x, batch.index)
    wiener = Wiener(data.train, 3)
    for row, expected in zip(card.gates, again, strict=True):
        bounds = {"wiener_error", "hindsight_error"}
        assert {k: v for k, v in row.items() if k not in bounds} == expected
        assert row["hindsight_error"] == wiener.hindsight_error(batch.x, row["sigma"])
        noisy = torch.cat(list(manifold.noisy(batch.x, row["sigma"], batch.index)))
        gap = wiener.denoise(noisy, row["sigma"]) - batch.x.repeat(4, 1, 1, 1)
        assert row["wiener_error"] == pytest.approx(float(gap.square().flatten(1).sum(1).mean()))
        assert row["wiener_error"] == pytest.approx(
            row["error"], rel=0.1
        )  # Gaussian: both are best


def test_a_card_of_a_manifold_that_fails_says_nothing_of_an_earlier_one():
    manifold = Altered(lambda d, noisy: noisy)
    manifold.card = replace(
        manifold.card, sigma=0.1, dimension=3.0, rank=2.0, error=1.0, data="there", pooling=2
    )
    complete(manifold, data_of(X.float(), 60), images=40)
    card = manifold.card
    assert not card.usable
    assert (card.dimension, card.rank, card.error) == (None, None, None)
    assert (card.spec, card.shape, card.data, card.pooling) == ("exact", SHAPE, "there", 2)
    assert len(card.gates) == len(SIGMAS)


def test_test_images_are_never_read_when_judging(monkeypatch):
    read, seen = Split.read, set()

    def recorded(self, index):
        seen.update(np.asarray(index).tolist())
        return read(self, index)

    monkeypatch.setattr(Split, "read", recorded)
    complete(Altered(lambda d, noisy: d), data_of(X.float(), 60))
    assert seen == set(range(N - 60))


def test_between_noise_levels_both_neighbours_must_pass():
    gates = [{"sigma": s, "passes": p} for s, p in ((0.1, 1), (0.15, 1), (0.25, 0), (0.35, 1))]
    card = ManifoldCard("m", "h", (1, 2, 2), sigma=0.15, gates=gates)  # type: ignore[arg-type]
    for sigma, answer in (
        (0.1, True),
        (0.125, True),
        (0.15, True),
        (0.2, False),
        (0.3, False),
        (0.35, True),
        (0.05, False),  # beyond what was tried
        (0.5, False),
    ):
        assert may_ask(card, sigma) is answer, sigma
    assert may_ask(ManifoldCard("exact", "h", (1, 2, 2), sigma=0.25), 3.0)
    assert not may_ask(ManifoldCard("unusable", "h", (1, 2, 2)), 0.25)
