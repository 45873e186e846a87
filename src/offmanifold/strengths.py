"""What a sweep says by strength: numbers pooled over seeds, regimes, and where one ends.

The regime of a strength is that of rule 1 (`offmanifold.regimes`) on means over its seeds. Along
the strengths of one objective, gradients begin to be on the manifold where F − C, the on-manifold
fraction less its better control, first crosses zero upwards; robustness becomes excessive where
A − A_ref last crosses −.05 downwards. Both are interpolated in the logarithm of the strength.
Intervals are over seeds and images.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from offmanifold.audits import Audit
from offmanifold.errors import InputError
from offmanifold.measures import Number, measures
from offmanifold.measures.statistics import (
    Columns,
    Statistic,
    estimate_over_seeds,
    interval_of,
    mean_of,
    over_seeds,
)
from offmanifold.objectives import objectives
from offmanifold.regimes import (
    ACCURACY,
    ACCURACY_LOSS,
    CONTROLS,
    FRACTION,
    RULE,
    Evidence,
    Regime,
    diverged,
    regime,
)
from offmanifold.sweeping import SweepRun

SCHEMA = "offmanifold.sweep-summary/1"
Turn = Callable[[np.ndarray, np.ndarray], float]
STANDARD = "erm"
EVERYWHERE, NOWHERE = "everywhere in the sweep", "nowhere in the sweep"
KEPT = (
    *("value", "low", "high", "n", "method", "over", "unit", "title", "title_ja", "better"),
    *("controls", "chance", "ceiling"),
)


@dataclass(frozen=True)
class Strength:
    """The runs of one objective at one strength; None is the standard model's.

    audits: of the seeds that trained to something. collapsed: seeds that did not: diverged, or no
    better than the commonest class.
    """

    value: float | None
    seeds: tuple[int, ...]
    audits: tuple[Audit, ...]
    collapsed: tuple[int, ...]
    unfinished: tuple[int, ...]


@dataclass(frozen=True)
class Method:
    """One objective along its strengths, in their order."""

    name: str
    field: str
    others: dict[str, Any]
    strengths: tuple[Strength, ...]


def methods_of(runs: Sequence[SweepRun]) -> tuple[Strength | None, list[Method]]:
    """Return the standard model's runs, if any, and every objective along its strengths."""
    grouped: dict[tuple[str, str], dict[float | None, list[SweepRun]]] = {}
    for run in runs:
        name = run.objective["name"]
        field = objectives[name].strength
        others = {k: v for k, v in run.objective.items() if k not in ("name", field)}
        value = None if field is None else float(run.objective[field])
        key = (name, json.dumps(others, sort_keys=True))
        grouped.setdefault(key, {}).setdefault(value, []).append(run)
    standard, methods = None, []
    for (name, others), by_value in grouped.items():
        strengths = [_strength(v, found) for v, found in by_value.items()]
        if name == STANDARD:
            standard = strengths[0]
            continue
        field = objectives[name].strength
        if field is None:
            continue
        ordered = tuple(sorted(strengths, key=lambda s: s.value or 0.0))
        methods.append(Method(name, field, json.loads(others), ordered))
    return standard, sorted(methods, key=lambda m: m.name)


def _strength(value: float | None, runs: Sequence[SweepRun]) -> Strength:
    runs = sorted(runs, key=lambda run: run.seed)
    lost = [r for r in runs if r.collapsed]
    good = [r for r in runs if r.audit is not None and r not in lost]
    return Strength(
        value,
        tuple(r.seed for r in good),
        tuple(r.audit for r in good if r.audit is not None),
        tuple(r.seed for r in lost),
        tuple(r.seed for r in runs if r not in lost and r not in good),
    )


class Pool:
    """The images that all audits of a sweep share, in one order.

    Raises InputError where audits share none, or were judged by different manifolds.
    """

    def __init__(self, audits: Sequence[Audit]):
        judges = {(a.json["manifold"] or {}).get("hash") for a in audits}
        if len(judges) > 1:
            raise InputError(
                "the runs of this sweep were judged by different manifolds; run the sweep again"
            )
        self.index = reduce(np.intersect1d, [a.columns["index"] for a in audits])
        if not len(self.index):
            raise InputError("the audits of this sweep share no image; audit all alike")

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.index)

    def columns(self, audit: Audit) -> dict[str, np.ndarray]:
        """Return an audit's columns for these images."""
        order = np.argsort(audit.columns["index"])
        rows = order[np.searchsorted(audit.columns["index"][order], self.index)]
        return {name: values[rows] for name, values in audit.columns.items()}


def summarise(runs: Sequence[SweepRun]) -> dict[str, Any]:
    """Return what a sweep says, as plain JSON: by method and strength, and the boundaries."""
    standard, methods = methods_of(runs)
    audits = [r.audit for r in runs if r.audit is not None]
    if not audits:
        states = ", ".join(sorted({r.state for r in runs}))
        raise InputError(f"no run of this sweep has been audited yet ({states}); let it go on")
    pool = Pool(audits)
    reference = _reference(standard, pool)
    return {
        "schema": SCHEMA,
        "rule": RULE,
        "data": audits[0].json["data"],
        "manifold": audits[0].json["manifold"],
        "settings": audits[0].json["settings"],
        "n": pool.n,
        "runs": {
            "finished": sum(r.state == "finished" for r in runs),
            "collapsed": sum(r.state == "collapsed" for r in runs),
            "unfinished": sum(r.state not in ("finished", "collapsed") for r in runs),
        },
        "standard": None if standard is None else _point(standard, pool, reference),
        "methods": [
            {
                "objective": m.name,
                "strength": m.field,
                "fields": m.others,
                "points": [_point(s, pool, reference) for s in m.strengths],
                "boundaries": boundaries(m, pool, reference),
            }
            for m in methods
        ],
    }


def _reference(standard: Strength | None, pool: Pool) -> Columns | None:
    """Return each image's accuracy by the standard models, the mean of its seeds."""
    if standard is None or not standard.audits:
        return None
    found = [pool.columns(a) for a in standard.audits]
    if not all(ACCURACY in c for c in found):
        return None
    return {ACCURACY: np.mean([c[ACCURACY] for c in found], axis=0)}


def _point(strength: Strength, pool: Pool, reference: Columns | None) -> dict[str, Any]:
    seeds = [pool.columns(a) for a in strength.audits]
    numbers: dict[str, Any] = {}
    for name in strength.audits[0].json["measures"] if seeds else ():
        saved = [a.json["measures"].get(name) for a in strength.audits]
        if name not in measures or None in saved:
            continue
        numbers[name] = _pooled(name, seeds, saved, pool.n)
    return {
        "value": strength.value,
        "seeds": list(strength.seeds),
        "collapsed": list(strength.collapsed),
        "unfinished": list(strength.unfinished),
        "measures": numbers,
        "regime": _regime(strength, seeds, pool.n, reference).json(),
    }


def _pooled(name: str, seeds: Sequence[Columns], saved: list[Any], n: int) -> dict[str, Any]:
    """Return a measure's number over seeds and images, with its controls and chance."""
    if len(seeds) == 1 and len(seeds[0]["index"]) == saved[0]["n"]:
        return {k: saved[0][k] for k in KEPT if k in saved[0]}
    measure = measures[name]()
    try:
        number = estimate_over_seeds(measure.statistic, seeds, n, unit=measure.unit).json()
    except KeyError:  # its columns are not kept, an image a scalar
        values = [s["value"] for s in saved]
        mean = None if None in values else float(np.mean(values))
        number = Number(mean, None, None, n, unit=measure.unit).json()
    kept = {key: saved[0][key] for key in ("title", "title_ja", "better") if key in saved[0]}
    controls = sorted(set.intersection(*(set(s.get("controls", {})) for s in saved)))
    if controls:
        kept["controls"] = {
            c: estimate_over_seeds(mean_of(f"{name}/{c}"), seeds, n).json() for c in controls
        }
    if all("ceiling" in s for s in saved):
        kept["ceiling"] = estimate_over_seeds(mean_of(f"{name}/ceiling"), seeds, n).json()
    if all(s.get("chance") is not None for s in saved):
        kept["chance"] = float(np.mean([s["chance"] for s in saved]))
    return {**number, **kept}


def _regime(
    strength: Strength, seeds: Sequence[Columns], n: int, reference: Columns | None
) -> Regime:
    if not seeds:
        return diverged(bool(strength.collapsed))
    labels = strength.audits[0].labels
    accuracy = majority = None
    if labels is not None and all(ACCURACY in c for c in seeds):
        accuracy = estimate_over_seeds(mean_of(ACCURACY), seeds, n)
        majority = float(np.bincount(seeds[0]["label"]).max() / n)
    control, gap = None, _fraction_gap(seeds)
    if gap is not None:
        control, statistic = gap
        fraction_gap = estimate_over_seeds(statistic, seeds, n)
    spreads = [a.json["measures"].get("output.spread", {}).get("value") for a in strength.audits]
    loss = _accuracy_gap(reference)
    return regime(
        Evidence(
            accuracy,
            majority,
            None if None in spreads else float(np.mean(spreads)),
            None if gap is None else fraction_gap,
            None if loss is None or accuracy is None else estimate_over_seeds(loss, seeds, n),
            control,
            None if reference is None else float(reference[ACCURACY].mean()),
            None if reference is None else STANDARD,
        )
    )


def _fraction_gap(seeds: Sequence[Columns]) -> tuple[str, Statistic] | None:
    """Return the control C of larger mean over seeds, and the statistic mean(F − C)."""
    names = [f"{FRACTION}/{c}" for c in CONTROLS]
    if not all(name in c for c in seeds for name in (FRACTION, *names)):
        return None
    means = [np.mean([c[name].mean() for c in seeds]) for name in names]
    control = CONTROLS[int(np.argmax(means))]

    def gap(columns: Columns, weights: np.ndarray) -> np.ndarray:
        return mean_of(FRACTION)(columns, weights) - mean_of(f"{FRACTION}/{control}")(
            columns, weights
        )

    return control, gap


def _accuracy_gap(reference: Columns | None) -> Statistic | None:
    """Return the statistic mean(A − A_ref), paired by image."""
    if reference is None:
        return None
    return lambda columns, weights: (
        mean_of(ACCURACY)(columns, weights) - mean_of(ACCURACY)(reference, weights)
    )


def boundaries(method: Method, pool: Pool, reference: Columns | None) -> dict[str, Any]:
    """Return the strengths at which regimes change, each a number or a reason why there is none.

    on_manifold: where F first exceeds C. excessive: where A falls below A_ref − .05 for good. A
    missing low or high end lies beyond the strengths of the sweep. Strengths of which every seed
    collapsed are no evidence for either.
    """
    known = [s for s in method.strengths if s.audits]
    if len(known) < 2:
        few = "fewer than two strengths have been audited"
        return {name: {"value": None, "reason": few} for name in ("on_manifold", "excessive")}
    logs = np.log([s.value or 0.0 for s in known])
    seeds = [[pool.columns(a) for a in s.audits] for s in known]
    found = {}
    gaps = [_fraction_gap(s) for s in seeds]
    if all(g is not None for g in gaps):
        table = [over_seeds(g[1], s, pool.n) for g, s in zip(gaps, seeds, strict=True) if g]
        found["on_manifold"] = _boundary(logs, np.stack(table, 1), pool.n, first_rise)
    loss = _accuracy_gap(reference)
    if loss is not None and all(ACCURACY in c for s in seeds for c in s):
        table = [-(over_seeds(loss, s, pool.n) + ACCURACY_LOSS) for s in seeds]
        found["excessive"] = _boundary(logs, np.stack(table, 1), pool.n, last_rise)
    lacking = {
        "on_manifold": "the gradients were not held against a manifold",
        "excessive": "there is no standard model to compare accuracies with",
    }
    return {name: found.get(name, {"value": None, "reason": why}) for name, why in lacking.items()}


def _boundary(logs: np.ndarray, gaps: np.ndarray, n: int, turn: Turn) -> dict[str, Any]:
    """Return where rows of gaps (1 + resamples, strengths) turn positive, as JSON.

    The first row holds the values, the others their resamples.
    """
    places = np.array([turn(logs, row) for row in gaps])
    number = interval_of(places[0], places[1:], n)
    found = {k: None if v is None else float(np.exp(v)) for k, v in number.ends().items()}
    saved = {**number.json(), **found, "over": "seeds and images"}
    if number.value is not None:
        return saved
    everywhere = places[0] == -np.inf
    return {**saved, "reason": EVERYWHERE if everywhere else NOWHERE}


def first_rise(x: np.ndarray, gaps: np.ndarray) -> float:
    """Return where a piecewise linear function first rises above 0; −inf where it begins above.

    inf where it is above nowhere.

    >>> first_rise(np.array([0.0, 1.0, 2.0]), np.array([-1.0, 1.0, -1.0]))
    0.5
    """
    above = np.flatnonzero(gaps > 0)
    if not len(above):
        return np.inf
    return -np.inf if above[0] == 0 else _crossing(x, gaps, above[0] - 1)


def last_rise(x: np.ndarray, gaps: np.ndarray) -> float:
    """Return where a piecewise linear function last rises above 0 and stays; −inf if it is always.

    inf where it ends at or below 0.

    >>> last_rise(np.array([0.0, 1.0, 2.0, 3.0]), np.array([-1.0, 1.0, -1.0, 1.0]))
    2.5
    """
    below = np.flatnonzero(gaps <= 0)
    if not len(below):
        return -np.inf
    return np.inf if below[-1] == len(gaps) - 1 else _crossing(x, gaps, below[-1])


def _crossing(x: np.ndarray, gaps: np.ndarray, i: int) -> float:
    """Return where the line from point i, not above 0, to the next, above, crosses 0."""
    return float(x[i] + (x[i + 1] - x[i]) * gaps[i] / (gaps[i] - gaps[i + 1]))
