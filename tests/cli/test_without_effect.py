"""Flags that would be ignored are refused."""

import pytest

from galleries import ALONE, ROBUST
from offmanifold._core.errors import InputError
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.without_effect import MODES, USES, check_mode, check_use
from offmanifold.synthesis.methods import MODES as KNOWN
from saying import says

GIVEN = {
    **{"eps": 1.0, "steps": 3, "rule": "adam", "copies": 2, "scales": (2, 1)},
    **{"guidance": 2.0, "variety": 0.5, "candidates": 3, "until": 0.9, "patience": 2},
    "precision": "bf16",
}
MODE_FLAGS = [(mode, name) for mode, names in MODES.items() for name in names]
USE_FLAGS = [(use, name) for use, names in USES.items() for name in names]


def test_all_modes_are_known():
    assert set(MODES) == set(KNOWN)


@pytest.mark.parametrize(("mode", "name"), MODE_FLAGS)
def test_what_a_mode_ignores(mode, name):
    check_mode(Options("runs/robust"), mode)
    with pytest.raises(InputError, match=f"^--{name} would not .* the mode {mode}; leave it out$"):
        check_mode(Options("runs/robust", **{name: GIVEN[name]}), mode)


@pytest.mark.parametrize(("use", "name"), USE_FLAGS)
def test_what_a_use_ignores(use, name):
    check_use(Options("runs/robust"), use)
    with pytest.raises(InputError, match=f"^--{name} would not .* of {use}; leave it out$"):
        check_use(Options("runs/robust", **{name: GIVEN[name]}), use)


def test_several_flags_at_once():
    with pytest.raises(InputError, match="^--eps, --guidance would not .*; leave them out$"):
        check_use(Options("runs/robust", eps=1.0, guidance=2.0), "counterfactual")


@pytest.mark.parametrize("use", ["inpaint", "superresolve"])
def test_candidates_are_tried_where_no_class_is_given(use):
    options = Options("runs/robust", candidates=3)
    check_use(options, use)
    check_use(Options("runs/robust", until=0.9), use, "5")
    check_use(Options("runs/robust", until=0.9, candidates=1), use)
    with pytest.raises(InputError, match="--until ends each class .*; give --class"):
        check_use(Options("runs/robust", until=0.9), use)
    with pytest.raises(InputError, match="--candidates .* --class"):
        check_use(options, use, "5")


@pytest.mark.parametrize("name", ["until", "patience"])
def test_noise_must_fall_to_its_end(name):
    with pytest.raises(InputError, match=f"^--{name} would end .* --mode projected"):
        check_mode(Options("runs/robust", **{name: GIVEN[name]}), "denoised")


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
