"""What is saved of settings and images has its units, and nothing that JSON cannot hold."""

import json
import math

import numpy as np
import pytest

import offmanifold as om
from offmanifold.attacks.certification import radius_cap
from offmanifold.audits.description import describe_model, describe_settings, without_nan
from offmanifold.measures.probe import Settings


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


def test_every_length_has_its_unit(digits):
    found = describe_settings(Settings(eps=1.0, attack_steps=10), digits)
    assert found["d"] == 256
    assert found["attack"] == "pgd, 10 steps of 0.25, 1 restart"
    for name in ("eps", "step", "sigma"):
        assert "[0,1]" in found[f"{name}_unit"]
    assert not any(name.startswith("certify") for name in found)


def test_certificates_are_described_where_they_are_asked_for(digits):
    found = describe_settings(Settings(certify=0.5), digits)
    assert found["certify_cap"] == radius_cap(0.5, 1000, 0.001)
    values = [name for name in found if name.startswith("certify") and "unit" not in name]
    assert all(f"{name}_unit" in found for name in values)


def test_a_model_is_described_in_plain_json():
    card = om.ModelCard("x", classes=("a", "b"), input_shape=(1, 8, 8))
    found = describe_model(card)
    assert json.loads(json.dumps(found)) == found
    assert found["classes"] == ["a", "b"]


def test_what_is_not_finite_is_null():
    value = {"a": [1.0, math.nan, np.float32("inf")], "b": {"c": -math.inf}, "d": "nan", "e": 3}
    assert without_nan(value) == {"a": [1.0, None, None], "b": {"c": None}, "d": "nan", "e": 3}
