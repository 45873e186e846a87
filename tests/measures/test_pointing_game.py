import json

import pytest
import torch

from gaussian_data import SHAPE, D, Linear, images, probe_of
from offmanifold.data.types import Split
from offmanifold.measures.pointing_game import SignalPointing, hits

MASK = torch.zeros(1, *SHAPE[1:])
MASK[:, :1] = 1  # the first of four rows
NAME = "signal.pointing"


class Masked:
    """A source with the first row as its signal."""

    def __init__(self, source):
        self.source = source

    def __getattr__(self, name):
        return getattr(self.source, name)

    def __len__(self):
        return len(self.source)

    def masks(self, index):
        return MASK.expand(len(index), *MASK.shape)


def looks_at(*pixels: int) -> Linear:
    """A classifier of two classes that looks at these pixels, the first of them most."""
    weight = torch.zeros(2, D)
    for i, pixel in enumerate(pixels):
        weight[0, pixel] = 2.0 - i
    return Linear(weight)


def columns(model, **options):
    split = images(6, 2)
    split = Split(Masked(split.source), split.rows, split.classes)
    return SignalPointing().columns(probe_of(model, None, split, **options))


@pytest.mark.parametrize(("pixels", "hit"), [((4, 5), 1.0), ((5, 4), 0.0)])
def test_the_largest_pixel_decides_alone(pixels, hit):
    found = columns(looks_at(*pixels))
    assert found[NAME].tolist() == [hit] * 6
    torch.testing.assert_close(found[f"{NAME}/chance"], torch.full((6,), 0.25))


def test_a_pixel_is_all_its_channels():
    v = torch.zeros(1, 3, 2, 2)
    v[0, :, 0, 0], v[0, 1, 1, 1] = torch.tensor([2.0, -2.0, 2.0]), 3.0
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    assert hits(v, mask).tolist() == [True]
    assert hits(v, 1 - mask).tolist() == [False]


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_what_has_no_direction_misses_even_where_all_is_signal(bad):
    v = torch.ones(2, 1, 2, 2)
    v[0] = 0
    v[0, 0, 1, 1] = bad
    assert hits(v, torch.ones(2, 1, 2, 2)).tolist() == [False, True]


def test_hits_are_those_of_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(0)
    v = 1e-25 * torch.randn(200, 3, 4, 5, generator=generator)  # squares below float32
    mask = (torch.rand(200, 1, 4, 5, generator=generator) < 0.3).float()
    expected = []
    for field, where in zip(v.double(), mask, strict=True):
        energy = {(i, j): float(field[:, i, j].norm()) for i in range(4) for j in range(5)}
        expected.append(bool(where[0][max(energy, key=energy.__getitem__)]))
    assert hits(v, mask).tolist() == expected
    assert 0.2 < sum(expected) / 200 < 0.4


def test_the_untrained_control_is_the_mean_over_the_copies_and_is_reduced():
    found = columns(looks_at(4), shuffled=(looks_at(0), looks_at(7), looks_at(19)))
    torch.testing.assert_close(found[f"{NAME}/untrained"], torch.full((6,), 1 / 3))
    columns_of_half = {k: v.numpy().copy() for k, v in found.items()}
    columns_of_half[NAME][3:] = 0
    saved = SignalPointing().reduce(columns_of_half, 6)
    assert saved["value"] == 0.5
    assert saved["method"] == "wilson"
    assert saved["low"] == pytest.approx(0.188, abs=1e-3)  # Wilson of 3 in 6
    assert saved["chance"] == pytest.approx(0.25)
    assert saved["controls"]["untrained"]["value"] == pytest.approx(1 / 3)
    assert saved["difference"]["value"] == pytest.approx(1 / 6)
    assert saved["z"] > 0
    json.dumps(saved, allow_nan=False)


def test_without_copies_there_is_no_control():
    assert set(columns(looks_at(4))) == {NAME, f"{NAME}/chance"}
