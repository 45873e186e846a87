"""Flags that would be ignored are refused."""

from dataclasses import fields

import pytest

from galleries import ALONE, ROBUST
from offmanifold._core.errors import InputError
from offmanifold.synthesis.ascent import Ascent
from offmanifold.synthesis.effects import MODES, USES, check_mode, check_use
from offmanifold.synthesis.methods import MODES as KNOWN
from offmanifold.synthesis.methods import Method
from saying import says

GIVEN = {
    **{"eps": 1.0, "steps": 3, "rule": "adam", "copies": 2, "scales": (2, 1)},
    **{"guidance": 2.0, "variety": 0.5, "candidates": 3, "until": -0.1, "patience": 2},
    "precision": "bf16",
}
MODE_FLAGS = [(mode, name) for mode, names in MODES.items() for name in names]
USE_FLAGS = [(use, name) for use, names in USES.items() for name in names]


ASCENT = {field.name for field in fields(Ascent)}


def given(**settings) -> Method:
    """Return a method of these settings, of which some are an ascent's."""
    ascent = {name: value for name, value in settings.items() if name in ASCENT}
    own = {name: value for name, value in settings.items() if name not in ASCENT}
    return Method(ascent=Ascent(**ascent), **own)


def test_all_modes_are_known():
    assert set(MODES) == set(KNOWN)


@pytest.mark.parametrize(("mode", "name"), MODE_FLAGS)
def test_what_a_mode_ignores(mode, name):
    check_mode(Method(), mode)
    with pytest.raises(InputError, match=f"^`{name}` would not .* the mode {mode}; leave it out$"):
        check_mode(given(**{name: GIVEN[name]}), mode)


@pytest.mark.parametrize(("use", "name"), USE_FLAGS)
def test_what_a_use_ignores(use, name):
    check_use(Method(), use)
    with pytest.raises(InputError, match=f"^`{name}` would not .* of {use}; leave it out$"):
        check_use(given(**{name: GIVEN[name]}), use)


def test_several_flags_at_once():
    with pytest.raises(InputError, match="^`eps`, `guidance` would not .*; leave them out$"):
        check_use(given(eps=1.0, guidance=2.0), "counterfactual")


@pytest.mark.parametrize("use", ["inpaint", "superresolve"])
def test_candidates_are_tried_where_no_class_is_given(use):
    options = given(candidates=3)
    check_use(options, use)
    check_use(given(until=-0.1), use, "5")
    check_use(given(until=-0.1, candidates=1), use)
    with pytest.raises(InputError, match="`until` ends each class .*; give `target`"):
        check_use(given(until=-0.1), use)
    with pytest.raises(InputError, match="`candidates` .* `target`"):
        check_use(options, use, "5")


@pytest.mark.parametrize("name", ["until", "patience"])
def test_noise_must_fall_to_its_end(name):
    with pytest.raises(InputError, match=f"^`{name}` would end .* `mode` projected"):
        check_mode(given(**{name: GIVEN[name]}), "denoised")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((*ROBUST, "--mode", "manifold", "--eps", "1", "--steps", "5"), ("--eps, --steps",)),
        ((*ROBUST, "--guidance", "2"), ("--guidance", "the mode denoised")),
        ((*ALONE, "--variety", "1"), ("--variety", "the mode ascent")),
        ((*ALONE, "--candidates", "3"), ("--candidates", "of generate")),
    ],
)
def test_one_clear_sentence(here, offmanifold, more, words):
    says(offmanifold("generate", *more, "-n", "1"), 2, *words)
