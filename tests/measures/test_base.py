import dataclasses
import json

import numpy as np
import pytest

from offmanifold.measures import Curve, measures
from offmanifold.measures.base import Measure, compare_with_controls

NEEDS = {
    "second",
    "half_sigma",
    "double_sigma",
    "labels",
    "masks",
    "manifold",
    "posterior",
    "pooling",
    "certify",
    "explain",
    "own_gradient",
    "score",
    "lpips",
    "thorough",
}


@pytest.mark.parametrize("name", list(measures))
def test_every_measure_keeps_the_contract(name):
    measure = measures[name]()
    assert dataclasses.is_dataclass(measure)
    assert measure.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert measure.name == name
    assert measure.needs <= NEEDS
    assert measure.better in ("higher", "lower", None)
    assert measure.method in ("bootstrap", "wilson")
    assert measure.title
    assert type(measure).__doc__


class Example(Measure):
    name = "example"
    title, unit, better = "Example", "share", "higher"


def test_a_column_s_chance_and_controls_are_reduced_with_it():
    random = np.random.default_rng(0)
    columns = {
        "example": 0.5 + 0.1 * random.random(40),
        "example/chance": np.full(40, 0.06),
        "example/weak": 0.1 * random.random(40),
        "example/strong": 0.3 + 0.1 * random.random(40),
        "example_other/strong": np.ones(40),
    }
    saved = Example().reduce(columns, 40)
    assert saved["value"] == pytest.approx(columns["example"].mean(), rel=1e-6)
    assert saved["chance"] == pytest.approx(0.06)
    assert sorted(saved["controls"]) == ["strong", "weak"]
    gap = columns["example"] - columns["example/strong"]
    assert saved["difference"]["against"] == "strong"
    assert saved["difference"]["value"] == pytest.approx(gap.mean())
    assert saved["effect"] == pytest.approx(gap.mean() / gap.std(ddof=1))
    assert saved["z"] == pytest.approx(gap.mean() / gap.std(ddof=1) * 40**0.5, rel=0.1)
    json.dumps(saved, allow_nan=False)


def test_without_controls_there_is_no_difference():
    saved = Example().reduce({"example": np.ones(3)}, 3)
    assert "difference" not in saved
    assert "chance" not in saved


def test_best_control_is_the_one_with_the_largest_mean():
    controls = {"a": np.array([0.0, 0.9]), "b": np.array([0.5, 0.5])}
    assert compare_with_controls(np.ones(2), controls)["difference"]["against"] == "b"


def test_a_curve_is_of_means_or_of_their_ratios():
    columns = {"a": np.array([1.0, 3.0]), "b": np.array([4.0, 4.0]), "zero": np.zeros(2)}
    means = Curve((1, 2), "unit", ("a", "b"), "t").reduce(columns, 2)
    assert [p["value"] for p in means["points"]] == [2, 4]
    ratios = Curve((1, 2), "unit", ("a", "b"), "t", under=("b", "zero")).reduce(columns, 2)
    assert [p["value"] for p in ratios["points"]] == [0.5, None]
