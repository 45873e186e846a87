"""Rank correlations against scipy, and partial ones against residuals of ranks."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from offmanifold.sweeps.correlates import (
    LEAST_RUNS,
    PLAIN,
    PREDICTORS,
    TARGET,
    Cluster,
    _by_method,
    explain,
    over_runs,
    partial_spearman,
    spearman,
)
from offmanifold.sweeps.runs import read_sweep
from sweep_runs import make_run, pgd


def columns(n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    z = random.normal(size=n)
    return z + random.normal(size=n), z + random.normal(size=n), z


def test_spearman_is_that_of_scipy():
    x, y, _ = columns()
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert np.isnan(spearman(np.ones(60), y))


def test_partial_is_the_correlation_of_residuals_of_ranks():
    x, y, z = (rankdata(c) for c in columns())
    left = [c - np.polyval(np.polyfit(z, c, 1), z) for c in (x, y)]
    assert partial_spearman(x, y, z) == pytest.approx(np.corrcoef(*left)[0, 1])
    assert abs(partial_spearman(x, y, z)) < abs(spearman(x, y))


def test_the_interval_covers_what_it_should_and_shrinks_with_clusters():
    random = np.random.default_rng(1)

    def clusters(n: int) -> list[Cluster]:
        made = []
        for i in range(n):
            x = random.normal(size=2)
            values = dict.fromkeys(PREDICTORS, x) | {TARGET: x + random.normal(size=2)}
            made.append(Cluster("pgd", i / n, values))
        return made

    def statistic(x: dict[str, np.ndarray]) -> float:
        return spearman(x["strength"], x[TARGET])

    few, many = over_runs(statistic, clusters(8)), over_runs(statistic, clusters(80))
    assert many.low is not None
    assert many.high is not None
    assert few.low is not None
    assert few.high is not None
    assert many.low < 0.69 < many.high  # of two normals correlated at 1/√2, (6/π) asin(r/2)
    assert many.high - many.low < few.high - few.low


def test_up_to_the_peak_leaves_out_what_comes_after():
    target = [0.1, 0.2, 0.3, 0.2, 0.1]
    made = [
        Cluster("pgd", i / 5, {"strength": np.array([float(i)]), TARGET: np.array([y])})
        for i, y in enumerate(target)
    ]
    found = _by_method(made, "strength", TARGET)["pgd"]
    assert found["to_peak"] == pytest.approx(1)
    assert found["all"] == pytest.approx(0)


def test_what_explains_must_beat_the_best_plain_quantity(tmp_path: Path):
    """The fraction rises with alignment, in every step; accuracy under attack but for one."""
    attacked = [0.1, 0.2, 0.4, 0.3, 0.5, 0.6, 0.7, 0.8]
    for i, robust in enumerate(attacked):
        weaker = pgd(0.1 * (8 - i) if i % 2 else 0.1 * (i + 9))  # strengths say little
        more = {"accuracy.pgd_l2": robust}
        make_run(tmp_path, weaker, cosine=0.1 + 0.03 * i, fraction=0.4 + 0.05 * i, more=more)
    found = {one["predictor"]: one for one in explain(read_sweep(tmp_path))}
    beyond = found["alignment.on_manifold_fraction"]["beyond"]
    assert beyond["against"] == "accuracy.pgd_l2"
    ranks = spearmanr(attacked, range(8)).statistic
    assert beyond["value"] == pytest.approx(1 - ranks, abs=0.02)
    assert beyond["low"] <= beyond["value"] <= beyond["high"]
    assert all(found[plain]["beyond"] is None for plain in PLAIN)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fake_manifold_is_a_rival_whichever_way_it_goes(sign, tmp_path: Path):
    fake = "alignment.fraction_low_pass"
    for i in range(LEAST_RUNS):
        more = {"accuracy.pgd_l2": [0.3, 0.1, 0.4, 0.2, 0.6, 0.5][i], fake: 0.5 + sign * 0.05 * i}
        shuffled = pgd([3.0, 1.0, 4.0, 2.0, 6.0, 5.0][i])
        make_run(tmp_path, shuffled, cosine=0.1 + 0.03 * i, fraction=0.4 + 0.05 * i, more=more)
    found = {one["predictor"]: one["beyond"] for one in explain(read_sweep(tmp_path))}
    assert found["alignment.on_manifold_fraction"]["against"] == fake
    assert found["alignment.on_manifold_fraction"]["value"] == pytest.approx(0)
    assert found[fake]["against"] != fake
    assert found[fake]["value"] > 0


def test_fakes_and_a_second_manifold_are_predictors_where_they_were_measured(tmp_path: Path):
    """Alignment rises with the energy in one fake and falls with that in the other."""
    low, pca = "alignment.fraction_low_pass", "alignment.fraction_global_pca"
    for i in range(LEAST_RUNS):
        cosine = 0.1 + 0.03 * i
        made = {low: 0.2 + 0.1 * i, pca: 0.9 - 0.1 * i}
        made |= {"alignment.on_manifold_fraction_second": 0.3} if i else {}
        make_run(tmp_path, pgd(0.1 * (i + 1)), cosine=cosine, more=made)
    found = {one["predictor"]: one["spearman"]["value"] for one in explain(read_sweep(tmp_path))}
    assert found[low] == pytest.approx(1)
    assert found[pca] == pytest.approx(-1)
    assert set(found) < set(PREDICTORS)
    assert "alignment.on_manifold_fraction_second" not in found  # not of the first run


def test_two_variants_of_one_objective_are_two_methods(tmp_path: Path):
    for i in range(LEAST_RUNS):
        for steps in (1, 5):
            make_run(tmp_path, {**pgd(0.1 * (i + 1)), "steps": steps}, cosine=0.1 + 0.03 * i)
    by_method = explain(read_sweep(tmp_path))[0]["by_method"]
    assert set(by_method) == {"pgd (steps=1)", "pgd (steps=5)"}
