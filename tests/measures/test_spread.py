import numpy as np
import pytest
import torch

from gaussian_data import D, Linear, probe_of
from offmanifold.measures.spread import Spread


def test_it_is_the_largest_standard_deviation_over_classes():
    p = np.random.default_rng(0).dirichlet([1, 2, 3], 50).astype(np.float32)
    number = Spread().reduce({"output.spread": p}, 50)
    assert number["value"] == pytest.approx(p.std(0).max(), rel=1e-5)
    assert number["low"] < number["value"] < number["high"]


def test_a_constant_output_has_none():
    probe = probe_of(Linear(torch.zeros(3, D), torch.tensor([3.0, 0, 0])))
    column = Spread().columns(probe)["output.spread"].numpy()
    assert column.shape == (12, 3)
    assert Spread().reduce({"output.spread": column}, 12)["value"] == pytest.approx(0, abs=1e-6)
