"""The runs of a sweep by method and strength, on the images they share.

A strength's gaps are those of rule 2 (`offmanifold.audits.regime`), as statistics of the columns of
a run: F − C, the on-manifold fraction less its better control, and A − A_ref.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from offmanifold._core.errors import InputError
from offmanifold._core.statistics import (
    Columns,
    Number,
    Statistic,
    mean_of,
    over_seeds_too,
    proportion_gap,
)
from offmanifold.audits.regime import (
    ACCURACY,
    CONTROLS,
    FRACTION,
)
from offmanifold.audits.store import Audit
from offmanifold.objectives import objectives
from offmanifold.sweeps.runs import SweepRun

STANDARD = "erm"


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
    """One objective along its strengths, in their order.

    label: its name, with the fields in which methods of that name differ: "pgd (steps=1)".
    """

    name: str
    label: str
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
    standard, methods, labels = None, [], _labels(list(grouped))
    for (name, others), by_value in grouped.items():
        strengths = [_strength(v, found) for v, found in by_value.items()]
        if name == STANDARD:
            standard = strengths[0]
            continue
        field = objectives[name].strength
        if field is None:
            continue
        ordered = tuple(sorted(strengths, key=lambda s: s.value or 0.0))
        label = labels[name, others]
        methods.append(Method(name, label, field, json.loads(others), ordered))
    return standard, sorted(methods, key=lambda m: m.label)


def _labels(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return a label for each method, given by its name and its other fields (JSON).

    >>> list(_labels([("pgd", '{"steps": 1}'), ("pgd", '{"steps": 5}'), ("noise", "{}")]).values())
    ['pgd (steps=1)', 'pgd (steps=5)', 'noise']
    """
    found = {}
    for name, others in keys:
        mine, namesakes = json.loads(others), [json.loads(o) for n, o in keys if n == name]
        differing = [f"{k}={v}" for k, v in mine.items() if any(n.get(k) != v for n in namesakes)]
        found[name, others] = f"{name} ({', '.join(differing)})" if differing else name
    return found


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
    """The images that all audits of a sweep share, in one order; none of no audits.

    Raises InputError where audits share none, or were judged by different manifolds.
    """

    def __init__(self, audits: Sequence[Audit]):
        judges = {(a.json["manifold"] or {}).get("hash") for a in audits}
        if len(judges) > 1:
            raise InputError(
                "the runs of this sweep were judged by different manifolds; run the sweep again"
            )
        seen = [a.columns["index"] for a in audits]
        self.index = reduce(np.intersect1d, seen) if seen else np.array([], int)
        if seen and not len(self.index):
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


def fraction_gap(seeds: Sequence[Columns]) -> tuple[str, Statistic] | None:
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


def accuracy_gap(reference: Columns) -> Statistic:
    """Return the statistic mean(A − A_ref), paired by image."""
    return lambda columns, weights: (
        mean_of(ACCURACY)(columns, weights) - mean_of(ACCURACY)(reference, weights)
    )


def accuracy_gap_of(seeds: Sequence[Columns], reference: Columns) -> Number:
    """Return the accuracy over seeds − the reference's, its interval over seeds and images.

    At least as wide as the score interval of as many images, since seeds that all agree leave a
    bootstrap no width.
    """
    gaps = np.mean([c[ACCURACY] for c in seeds], axis=0) - reference[ACCURACY]
    return over_seeds_too(proportion_gap(gaps), accuracy_gap(reference), seeds)


def reference_of(standard: Strength | None, pool: Pool) -> Columns | None:
    """Return each image's accuracy by the standard models, the mean of its seeds."""
    if standard is None or not standard.audits:
        return None
    found = [pool.columns(a) for a in standard.audits]
    if not all(ACCURACY in c for c in found):
        return None
    return {ACCURACY: np.mean([c[ACCURACY] for c in found], axis=0)}
