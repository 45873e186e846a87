"""Numbers pooled over seeds, and regimes by strength, on runs of known numbers."""

from pathlib import Path

import numpy as np
import pytest

from offmanifold._core.errors import InputError
from offmanifold.sweeps.runs import read_sweep
from offmanifold.sweeps.summary import summarise
from sweep_runs import COSINE, FRACTION, make_run, pgd


def points(summary) -> dict[float, dict]:
    (method,) = summary["methods"]
    return {p["value"]: p for p in method["points"]}


def test_regimes_and_their_boundaries_lie_where_the_numbers_cross(tmp_path: Path):
    make_run(tmp_path, {"name": "erm"}, accuracy=0.95, fraction=0.3)
    for eps, accuracy, fraction in (
        (0.25, 0.95, 0.3),  # F − C = −.1
        (1.0, 0.95, 0.5),  # +.1: F = C halfway in the logarithm
        (4.0, 0.935, 0.6),  # A − A_ref + .05 = +.035
        (16.0, 0.835, 0.6),  # −.065
    ):
        make_run(tmp_path, pgd(eps), accuracy=accuracy, fraction=fraction)
    summary = summarise(read_sweep(tmp_path))
    found = points(summary)
    assert [found[e]["regime"]["name"] for e in (0.25, 1, 4, 16)] == [
        "weak",
        "bayes-aligned",
        "bayes-aligned",
        "excessive",
    ]
    assert summary["standard"]["regime"]["name"] == "weak"
    borders = summary["methods"][0]["boundaries"]
    assert borders["on_manifold"]["value"] == pytest.approx(0.5, rel=1e-3)
    assert borders["on_manifold"]["low"] < 0.5 < borders["on_manifold"]["high"]
    assert borders["excessive"]["value"] == pytest.approx(4 * 4 ** (0.035 / 0.1), rel=1e-3)


def test_seeds_are_pooled_and_collapsed_ones_are_no_evidence(tmp_path: Path):
    make_run(tmp_path, {"name": "erm"})
    for seed, cosine in ((0, 0.2), (1, 0.4)):
        make_run(tmp_path, pgd(1.0), seed, cosine=cosine)
    make_run(tmp_path, pgd(1.0), 2, state="collapsed")
    make_run(tmp_path, pgd(8.0), 0, state="collapsed")
    make_run(tmp_path, pgd(8.0), 1, accuracy=0.4)  # no better than the commonest class
    make_run(tmp_path, pgd(2.0), 0, state="unfinished")
    summary = summarise(read_sweep(tmp_path))
    found = points(summary)
    assert found[1.0]["seeds"] == [0, 1]
    assert found[1.0]["collapsed"] == [2]
    number = found[1.0]["measures"][COSINE]
    assert number["value"] == pytest.approx(0.3)
    assert number["over"] == "2 seeds and images"
    assert number["low"] == pytest.approx(0.2, abs=0.02)  # either seed alone can be drawn
    assert found[1.0]["measures"][FRACTION]["controls"]["spectrum_noise"]["value"] == (
        pytest.approx(0.4)
    )
    assert found[2.0]["regime"]["name"] == "uncertain"
    assert found[8.0]["regime"]["name"] == "collapsed"
    assert summary["runs"] == {"finished": 4, "collapsed": 2, "failed": 0, "unfinished": 1}


def test_seeds_together_are_held_against_the_best_control(tmp_path: Path):
    for seed, fraction in ((0, 0.5), (1, 0.7)):
        make_run(tmp_path, pgd(1.0), seed, fraction=fraction)
    runs = read_sweep(tmp_path)
    number = points(summarise(runs))[1.0]["measures"][FRACTION]
    assert number["difference"]["against"] == "spectrum_noise"
    assert number["difference"]["value"] == pytest.approx(0.2)
    gaps = [r.audit.columns[FRACTION] - r.audit.columns[f"{FRACTION}/spectrum_noise"] for r in runs]
    assert number["effect"] == pytest.approx(0.2 / np.std(np.mean(gaps, axis=0), ddof=1))
    assert number["z"] == pytest.approx(0.2 / (0.1 / 2**0.5), rel=0.05)  # seeds: .1 or .3, or .2
    assert number["difference"]["low"] == pytest.approx(0.1, abs=0.02)


def test_a_failed_run_is_counted_as_failed_and_not_as_one_to_wait_for(tmp_path: Path):
    make_run(tmp_path, {"name": "erm"})
    for seed, state in enumerate(("failed", "refused", "unfinished")):
        make_run(tmp_path, pgd(1.0), seed, state=state)
    runs = summarise(read_sweep(tmp_path))["runs"]
    assert runs == {"finished": 1, "collapsed": 0, "failed": 2, "unfinished": 1}


def test_a_strength_has_not_collapsed_while_a_seed_of_it_is_not_there(tmp_path: Path):
    make_run(tmp_path, {"name": "erm"})
    make_run(tmp_path, pgd(8.0), 0, state="collapsed")
    make_run(tmp_path, pgd(8.0), 1, state="unfinished")
    told = points(summarise(read_sweep(tmp_path)))[8.0]["regime"]
    assert told["name"] == "uncertain"
    assert told["code"] == "regime.pending"
    make_run(tmp_path, pgd(8.0), 1, state="collapsed")
    assert points(summarise(read_sweep(tmp_path)))[8.0]["regime"]["name"] == "collapsed"


def test_one_seed_keeps_the_audit_s_own_interval(tmp_path: Path):
    folder = make_run(tmp_path, pgd(1.0), accuracy=1.0)
    number = points(summarise(read_sweep(tmp_path)))[1.0]["measures"]["accuracy.clean"]
    assert number["method"] == "wilson"
    assert number["low"] < 1.0
    assert folder.is_dir()


def test_nothing_audited_is_an_input_error(tmp_path: Path):
    make_run(tmp_path, pgd(1.0), state="unfinished")
    with pytest.raises(InputError, match="no run of this sweep has been audited yet"):
        summarise(read_sweep(tmp_path))


def test_runs_that_all_collapsed_are_told_as_such(tmp_path: Path):
    for eps in (1.0, 2.0):
        make_run(tmp_path, pgd(eps), state="collapsed")
    make_run(tmp_path, {"name": "erm"}, state="unfinished")
    with pytest.raises(InputError, match=r"audited yet \(collapsed, unfinished\)"):
        summarise(read_sweep(tmp_path))
    make_run(tmp_path, {"name": "erm"}, state="collapsed")
    summary = summarise(read_sweep(tmp_path))
    told = [summary["standard"], *points(summary).values()]
    assert [p["regime"]["name"] for p in told] == ["collapsed"] * 3
    assert summary["runs"] == {"finished": 0, "collapsed": 3, "failed": 0, "unfinished": 0}
    assert summary["n"] == 0
