"""Recipes that cannot be, and what of one is part of a run's identity."""

import dataclasses
import math

import pytest

from offmanifold._core.errors import InputError
from offmanifold.training.recipe import Recipe
from small_training import ALL_NEW, FIRST_RECIPE, RECIPE


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": -1}, "batch_size must be at least 1"),
        ({"lr": 0.0}, "lr must be above 0"),
        ({"lr": math.nan}, "lr must be above 0"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"weight_decay": -1e-3}, "weight_decay must be 0 or above"),
        ({"warmup": 1.5}, "warmup is a share between 0 and 1, not 1.5"),
        ({"warmup": math.nan}, "warmup is a share"),
        ({"schedule": "steps"}, 'unknown schedule "steps"; did you mean "step"'),
        ({"ema": 1.0}, "ema is a decay at least 0 and below 1, not 1.0"),
        ({"ema": math.nan}, "ema is a decay"),
        ({"shift": -1}, "shift must be at least 0 pixels, not -1"),
    ],
)
def test_recipes_that_cannot_be(settings: dict, said: str):
    with pytest.raises(InputError, match=said):
        Recipe(**settings)


def test_new_fields_are_in_the_config_where_they_are_used():
    assert RECIPE.config == FIRST_RECIPE
    assert Recipe(**FIRST_RECIPE) == RECIPE
    for name, value in {**ALL_NEW, "compile": True}.items():
        recipe = dataclasses.replace(RECIPE, **{name: value})
        assert recipe.config == {**FIRST_RECIPE, name: value}
        assert Recipe(**recipe.config) == recipe
