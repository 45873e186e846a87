"""What goes with alignment over the runs of a sweep: rank correlations, and with accuracy held.

If off-manifold robustness explains why gradients align, it must go with alignment more closely than
the plain alternatives do: the strength of training, accuracy, accuracy under attack, and the energy
of the gradient in fake manifolds, whichever way that goes; and still where accuracy is partialled
out. All runs count, over methods, strengths and seeds; collapsed ones do not. Intervals are over
strengths and the seeds within them (a bootstrap of clusters).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import rankdata

from offmanifold._core.statistics import Number, number_of
from offmanifold.sweeps.groups import methods_of
from offmanifold.sweeps.runs import SweepRun

TARGET = "alignment.cosine_posterior"
ACCURACY = "accuracy.clean"
STRENGTH = "strength"
PREDICTORS = (
    "robustness.rho_relative",
    "robustness.change_ratio",
    "alignment.on_manifold_fraction",
    "alignment.on_manifold_fraction_second",
    "alignment.fraction_low_pass",
    "alignment.fraction_global_pca",
    STRENGTH,
    ACCURACY,
    "accuracy.pgd_l2",
)
PLAIN = (STRENGTH, ACCURACY, "accuracy.pgd_l2")
FAKES = ("alignment.fraction_low_pass", "alignment.fraction_global_pca")
RIVALS = (*PLAIN, *FAKES)  # what must be beaten to explain anything
LEAST_RUNS = 6
RESAMPLES = 1000


@dataclass(frozen=True)
class Cluster:
    """The runs of one method at one strength: {name: (seeds,)}; strength is its rank, 0 to 1."""

    method: str
    order: float
    values: dict[str, np.ndarray]


def clusters_of(runs: Sequence[SweepRun], target: str = TARGET) -> list[Cluster]:
    """Return the runs by method and strength, each with the target and what may predict it.

    The standard model counts once, as the least strength of no method.
    """
    standard, methods = methods_of(runs)
    found = []
    for name, strengths in [
        *([] if standard is None else [("erm", (standard,))]),
        *((m.label, m.strengths) for m in methods),
    ]:
        kept = [s for s in strengths if s.audits]
        for i, strength in enumerate(kept):
            order = 0.0 if name == "erm" else (i + 1) / len(kept)
            values = {STRENGTH: np.full(len(strength.audits), order)}
            for measure in (target, *PREDICTORS):
                if measure == STRENGTH:
                    continue
                numbers = [a.json["measures"].get(measure, {}) for a in strength.audits]
                values[measure] = np.array(
                    [np.nan if n.get("value") is None else n["value"] for n in numbers]
                )
            found.append(Cluster(name, order, values))
    return found


def explain(runs: Sequence[SweepRun], target: str = TARGET) -> list[dict[str, Any]]:
    """Return for each predictor its rank correlation with the target, as plain JSON.

    spearman: over all runs. partial: the same with accuracy partialled out, None for accuracy.
    beyond: |spearman| less that of the best of the other RIVALS, `against`; None for PLAIN ones.
    by_method: {label: {all, to_peak}}, over the means of its strengths, and over those up to the
    one with the highest target. Empty below LEAST_RUNS strengths.
    """
    clusters = [c for c in clusters_of(runs, target) if np.isfinite(c.values[target]).all()]
    if len(clusters) < LEAST_RUNS:
        return []
    rivals = [p for p in RIVALS if all(np.isfinite(c.values[p]).all() for c in clusters)]
    rivals.sort(key=lambda p: -abs(_over(clusters, p, target)))
    result = []
    for name in PREDICTORS:
        known = [c for c in clusters if np.isfinite(c.values[name]).all()]
        if len(known) < LEAST_RUNS:
            continue

        def plain(x: dict[str, np.ndarray], name: str = name) -> float:
            return spearman(x[name], x[target])

        def held(x: dict[str, np.ndarray], name: str = name) -> float:
            return partial_spearman(x[name], x[target], x[ACCURACY])

        beyond = None
        if name not in PLAIN:
            best = next(p for p in rivals if p != name)  # strength is one, whatever was measured

            def more(x: dict[str, np.ndarray], name: str = name, against: str = best) -> float:
                return abs(spearman(x[name], x[target])) - abs(spearman(x[against], x[target]))

            beyond = {"against": best, **over_runs(more, known).json()}
        partial = name != ACCURACY and all(np.isfinite(c.values[ACCURACY]).all() for c in known)
        result.append(
            {
                "predictor": name,
                "target": target,
                "spearman": over_runs(plain, known).json(),
                "partial": over_runs(held, known).json() if partial else None,
                "beyond": beyond,
                "by_method": _by_method(known, name, target),
            }
        )
    return result


def _over(clusters: Sequence[Cluster], name: str, target: str) -> float:
    """Return the rank correlation of a predictor with the target over all runs."""
    x, y = (np.concatenate([c.values[key] for c in clusters]) for key in (name, target))
    found = spearman(x, y)
    return found if np.isfinite(found) else 0.0


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return the rank correlation of two columns (n,); NaN where one is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def partial_spearman(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> float:
    """Return the rank correlation of x and y, (n,), with z partialled out."""
    xy, xz, yz = spearman(x, y), spearman(x, z), spearman(y, z)
    bottom = (1 - xz**2) * (1 - yz**2)
    return float((xy - xz * yz) / np.sqrt(bottom)) if bottom > 1e-12 else float("nan")


def over_runs(
    statistic: Callable[[dict[str, np.ndarray]], float], clusters: Sequence[Cluster]
) -> Number:
    """Return a statistic of the columns of all runs, {name: (runs,)}, with its interval over
    strengths and the seeds within them."""

    def joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    value = statistic(joined([c.values for c in clusters]))
    random = np.random.default_rng(20230530)
    samples = []
    for _ in range(RESAMPLES):
        parts = []
        for i in random.integers(0, len(clusters), len(clusters)):
            values = clusters[i].values
            n = len(values[STRENGTH])
            rows = random.integers(0, n, n)
            parts.append({name: column[rows] for name, column in values.items()})
        samples.append(statistic(joined(parts)))
    n = sum(len(c.values[STRENGTH]) for c in clusters)
    return replace(number_of(value, np.array(samples), n), over="runs")


def _by_method(clusters: Sequence[Cluster], name: str, target: str) -> dict[str, Any]:
    """Return rank correlations over the strengths of each method, all and up to the peak."""
    found = {}
    for method in dict.fromkeys(c.method for c in clusters if c.method != "erm"):
        mine = sorted((c for c in clusters if c.method == method), key=lambda c: c.order)
        x = np.array([c.values[name].mean() for c in mine])
        y = np.array([c.values[target].mean() for c in mine])
        peak = int(np.argmax(y)) + 1
        found[method] = {
            key: None if len(part[0]) < 3 or not np.isfinite(r := spearman(*part)) else r
            for key, part in (("all", (x, y)), ("to_peak", (x[:peak], y[:peak])))
        }
    return found
