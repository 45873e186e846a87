import numpy as np
import pytest
import torch

from gaussian_data import SHAPE, D, Linear, images, probe_of
from offmanifold.data.types import Split
from offmanifold.measures.signal import SIGMAS, SignalFraction, SignalNoiseRatio, signal_share

MASK = torch.zeros(1, *SHAPE[1:])
MASK[:, :2] = 1  # the upper half
RANDOM = torch.randn(2, D, generator=torch.Generator().manual_seed(0))


class Masked:
    """A source with the upper half as its signal."""

    def __init__(self, source):
        self.source = source

    def __getattr__(self, name):
        return getattr(self.source, name)

    def __len__(self):
        return len(self.source)

    def masks(self, index):
        return MASK.expand(len(index), *MASK.shape)


def probe(weight: torch.Tensor, **options):
    split = images(6, 2)
    return probe_of(
        Linear(weight), None, Split(Masked(split.source), split.rows, split.classes), **options
    )


def test_share_is_of_energy_not_of_norm():
    v = torch.zeros(1, *SHAPE)
    v[0, 0, 0, 0], v[0, 0, 3, 0] = 3.0, 4.0
    assert float(signal_share(v, MASK[None])) == pytest.approx(9 / 25)
    assert float(signal_share(0 * v, MASK[None])) == 0


@pytest.mark.parametrize(("where", "share"), [(MASK, 1.0), (1 - MASK, 0.0)])
def test_a_classifier_that_reads_one_half_alone(where, share):
    found = SignalFraction().columns(probe(RANDOM * where.flatten()))
    torch.testing.assert_close(found["signal.fraction"], torch.full((6,), share))
    torch.testing.assert_close(found["signal.fraction/chance"], torch.full((6,), 0.5))


def test_the_untrained_control_is_the_mean_over_the_copies():
    copies = tuple(Linear(torch.randn(2, D)) for _ in range(3))
    one = probe(RANDOM * MASK.flatten(), shuffled=copies)
    expected = [signal_share(p.gradient(), MASK[None]) for p in one.untrained()]
    found = SignalFraction().columns(one)["signal.fraction/untrained"]
    torch.testing.assert_close(found, torch.stack(expected).mean(0))


def reduced(weight: torch.Tensor) -> tuple[dict, dict]:
    columns = SignalNoiseRatio().columns(probe(weight))
    columns = {k: v.numpy() for k, v in columns.items()}
    curve = SignalNoiseRatio().curves(1.0)["signal.noise_ratio"]
    return SignalNoiseRatio().reduce(columns, 6), curve.reduce(columns, 6)


def test_noise_on_what_is_not_read_changes_nothing():
    number, curve = reduced(RANDOM * MASK.flatten())
    assert number["value"] is None  # nothing to divide by
    assert [p["value"] for p in curve["points"]] == [None] * len(SIGMAS)
    number, curve = reduced(RANDOM * (1 - MASK).flatten())
    assert number["value"] == 0
    assert {p["value"] for p in curve["points"]} == {0}


def test_the_ratio_is_that_of_weights_for_small_noise():
    weight = RANDOM * (MASK + 0.1 * (1 - MASK)).flatten()
    columns = SignalNoiseRatio().columns(probe(weight, sigma=0.01, draws=300))
    ratio = float(columns["signal.noise_signal"].mean() / columns["signal.noise_distractor"].mean())
    w = (weight[0] - weight[1]) * MASK.flatten(), (weight[0] - weight[1]) * (1 - MASK).flatten()
    assert ratio == pytest.approx(float(w[0].norm() / w[1].norm()), rel=0.1)


def test_curve_columns_are_per_sigma():
    columns = SignalNoiseRatio().columns(probe(0.1 * RANDOM))
    means = [float(np.mean(columns[f"signal.noise_signal@{s:g}"].numpy())) for s in SIGMAS]
    assert means == sorted(means)
    assert means[-1] > 5 * means[0]
