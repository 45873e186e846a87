"""Where lines cross, and what is said where they do not."""

from pathlib import Path

import numpy as np

from offmanifold.boundaries import first_rise, last_rise
from offmanifold.summarising import summarise
from offmanifold.sweeping import read_sweep
from sweeps import make_run, pgd


def test_boundaries_beyond_the_sweep_say_so(tmp_path: Path):
    for eps in (1.0, 2.0):
        make_run(tmp_path, pgd(eps), fraction=0.6)
    borders = summarise(read_sweep(tmp_path))["methods"][0]["boundaries"]
    assert borders["on_manifold"]["value"] is None
    assert borders["on_manifold"]["reason"] == "everywhere in the sweep"
    assert "no standard model" in borders["excessive"]["reason"]


def test_rises():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    up_down_up = np.array([-1.0, 1.0, -1.0, 1.0])
    assert first_rise(x, up_down_up) == 0.5
    assert last_rise(x, up_down_up) == 2.5
    for rise in (first_rise, last_rise):
        assert rise(x, np.ones(4)) == -np.inf
        assert rise(x, -np.ones(4)) == np.inf
