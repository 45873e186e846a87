import numpy as np
import pytest
import torch

from gaussian_data import D, Linear, probe_of
from offmanifold.measures.output_spread import Spread


def outputs(n: int, k: int, scale: float, seed: int = 0) -> np.ndarray:
    logits = scale * np.random.default_rng(seed).normal(size=(n, k)).astype(np.float32)
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def number_of(p: np.ndarray) -> dict:
    return Spread().reduce({"output.spread": p}, len(p))


def test_it_is_the_largest_standard_deviation_over_classes():
    p = np.random.default_rng(0).dirichlet([1, 2, 3], 50).astype(np.float32)
    number = number_of(p)
    assert number["value"] == pytest.approx(p.std(0).max(), rel=1e-5)
    assert number["low"] < number["value"] < number["high"]


@pytest.mark.parametrize("scale", [0.1, 1, 10])
@pytest.mark.parametrize("k", [2, 10, 100])
def test_of_classes_alike_it_lies_within_its_interval(k, scale):
    number = number_of(outputs(200, k, scale))
    assert 0 < number["low"] < number["value"] < number["high"]


@pytest.mark.parametrize(("n", "k", "scale"), [(50, 2, 1), (200, 10, 0.1), (50, 10, 10)])
def test_the_interval_holds_the_largest_deviation_of_all_images(n, k, scale):
    everything = outputs(100_000, k, scale, seed=1)
    truth = everything.std(0).max()
    random = np.random.default_rng(2)
    found = [number_of(everything[random.integers(0, len(everything), n)]) for _ in range(200)]
    assert np.mean([f["low"] <= truth <= f["high"] for f in found]) >= 0.9


def test_a_constant_output_has_none():
    probe = probe_of(Linear(torch.zeros(3, D), torch.tensor([3.0, 0, 0])))
    column = Spread().columns(probe)["output.spread"].numpy()
    assert column.shape == (12, 3)
    assert Spread().reduce({"output.spread": column}, 12)["value"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_of_one_image_there_is_no_interval(n):
    number = number_of(outputs(n, 3, 1) if n else np.zeros((0, 3), np.float32))
    assert (number["low"], number["high"]) == (None, None)
