"""Where lines cross, and what is said where they do not."""

from pathlib import Path

import numpy as np

from offmanifold.sweeps.runs import read_sweep
from offmanifold.sweeps.summary import summarise
from offmanifold.sweeps.transitions import first_rise, last_rise
from sweep_runs import make_run, pgd


def test_boundaries_beyond_the_sweep_say_so(tmp_path: Path):
    for eps in (1.0, 2.0):
        make_run(tmp_path, pgd(eps), fraction=0.6)
    borders = summarise(read_sweep(tmp_path))["methods"][0]["boundaries"]
    assert borders["on_manifold"]["value"] is None
    assert borders["on_manifold"]["reason"] == "transition.everywhere"
    assert borders["excessive"]["reason"] == "transition.no_standard"


def borders_of(tmp_path: Path, fractions: dict[float, float], **standard: float) -> dict:
    make_run(tmp_path, {"name": "erm"}, accuracy=0.95)
    for eps, fraction in fractions.items():
        make_run(tmp_path, pgd(eps), fraction=fraction, **standard)
    return summarise(read_sweep(tmp_path))["methods"][0]["boundaries"]


def test_everywhere_and_nowhere_are_said_by_interval_not_by_sign(tmp_path: Path):
    control = 0.4  # that of make_run; the mean over its 200 images scatters by about .005
    some = borders_of(tmp_path / "some", {1.0: control + 0.002, 2.0: 0.6})["on_manifold"]
    assert some["reason"] == "transition.first"
    assert (some["shown"], some["undecided"]) == ([2.0], [1.0])
    none = borders_of(tmp_path / "none", {1.0: control - 0.002, 2.0: 0.2})["on_manifold"]
    assert none["reason"] == "transition.last"
    assert (none["shown"], none["undecided"]) == ([], [1.0])
    clear = borders_of(tmp_path / "clear", {1.0: 0.2, 2.0: 0.1})["on_manifold"]
    assert clear["reason"] == "transition.nowhere"


def test_above_at_the_first_strength_alone_is_not_everywhere(tmp_path: Path):
    found = borders_of(tmp_path, {1.0: 0.6, 2.0: 0.2})["on_manifold"]
    assert found["reason"] == "transition.first"
    assert (found["shown"], found["undecided"]) == ([1.0], [])


def test_accuracy_that_may_be_too_low_is_not_said_to_be_kept(tmp_path: Path):
    found = borders_of(tmp_path, {1.0: 0.6, 2.0: 0.6}, accuracy=0.94)["excessive"]
    assert found["reason"] == "transition.nowhere"  # one point less, on the same images
    found = borders_of(tmp_path, {1.0: 0.6, 2.0: 0.6}, accuracy=0.905)["excessive"]
    assert found["reason"] == "transition.last"
    assert (found["shown"], found["undecided"]) == ([], [1.0, 2.0])


def test_rises():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    up_down_up = np.array([-1.0, 1.0, -1.0, 1.0])
    assert first_rise(x, up_down_up) == 0.5
    assert last_rise(x, up_down_up) == 2.5
    for rise in (first_rise, last_rise):
        assert rise(x, np.ones(4)) == -np.inf
        assert rise(x, -np.ones(4)) == np.inf
