"""What a sweep says, as plain JSON: numbers and regimes by strength, pooled over seeds; boundaries.

The regime of a strength is that of rule 2 (`offmanifold.audits.regime`) on means over its seeds,
with intervals over seeds and images.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from offmanifold._core.errors import InputError
from offmanifold._core.statistics import (
    Columns,
    Statistic,
    estimate_over_seeds,
    mean_of,
    over_seeds_too,
    paired_over_seeds,
    proportion,
)
from offmanifold.audits.regime import (
    ACCURACY,
    NO_GAP,
    RULE,
    Evidence,
    Regime,
    regime,
    without_audit,
)
from offmanifold.audits.store import Audit
from offmanifold.measures import Number, measures
from offmanifold.sweeps.executors.base import read_config
from offmanifold.sweeps.groups import (
    STANDARD,
    Pool,
    Strength,
    accuracy_gap_of,
    fraction_gap,
    methods_of,
    reference_of,
)
from offmanifold.sweeps.runs import SweepRun
from offmanifold.sweeps.transitions import boundaries

SCHEMA = "offmanifold.sweep-summary/1"
KEPT = (
    *("value", "low", "high", "n", "method", "over", "unit", "title", "title_ja", "better"),
    *("controls", "difference", "z", "effect", "chance", "ceiling"),
)
FAILED = ("failed", "refused")


def summarise(runs: Sequence[SweepRun]) -> dict[str, Any]:
    """Return what a sweep says, as plain JSON: by method and strength, and the boundaries.

    Raises InputError where no run has been audited, unless all of them collapsed.
    """
    standard, methods = methods_of(runs)
    audits = [r.audit for r in runs if r.audit is not None]
    if not audits and not all(r.collapsed for r in runs):
        states = ", ".join(sorted({r.state for r in runs}))
        raise InputError(f"no run of this sweep has been audited yet ({states}); let it go on")
    pool = Pool(audits)
    reference = reference_of(standard, pool)
    return {
        "schema": SCHEMA,
        "rule": RULE,
        **_shared(runs, audits),
        "n": pool.n,
        "runs": {
            "finished": sum(r.state == "finished" for r in runs),
            "collapsed": sum(r.state == "collapsed" for r in runs),
            "failed": sum(r.state in FAILED for r in runs),
            "unfinished": sum(r.state == "unfinished" for r in runs),
        },
        "standard": None if standard is None else _point(standard, pool, reference),
        "methods": [
            {
                "objective": m.name,
                "label": m.label,
                "strength": m.field,
                "fields": m.others,
                "points": [_point(s, pool, reference) for s in m.strengths],
                "boundaries": boundaries(m, pool, reference),
            }
            for m in methods
        ],
    }


def _shared(runs: Sequence[SweepRun], audits: Sequence[Audit]) -> dict[str, Any]:
    """Return the images, manifold and settings of all audits; of none, which images were asked."""
    if audits:
        return {key: audits[0].json[key] for key in ("data", "manifold", "settings")}
    images = (read_config(runs[0].folder) or {}).get("images") or {}
    return {"data": {"spec": images.get("data")}, "manifold": None, "settings": {}}


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
    if measure.method == "wilson" and all(name in c for c in seeds):
        number = _share(name, seeds, n, measure.unit).json()
    else:
        number = _estimate(measure.statistic, seeds, saved, n, measure.unit)
    kept = {key: saved[0][key] for key in ("title", "title_ja", "better") if key in saved[0]}
    controls = sorted(set.intersection(*(set(s.get("controls", {})) for s in saved)))
    if controls:
        kept["controls"] = {
            c: _estimate(mean_of(f"{name}/{c}"), seeds, [s["controls"][c] for s in saved], n)
            for c in controls
        }
        kept |= _over_the_best(name, controls, seeds)
    if all("ceiling" in s for s in saved):
        ceilings = [s["ceiling"] for s in saved]
        kept["ceiling"] = _estimate(mean_of(f"{name}/ceiling"), seeds, ceilings, n)
    if all(s.get("chance") is not None for s in saved):
        kept["chance"] = float(np.mean([s["chance"] for s in saved]))
    return {**number, **kept}


def _over_the_best(name: str, controls: Sequence[str], seeds: Sequence[Columns]) -> dict[str, Any]:
    """Return the difference to the best control over seeds and images, with z and effect."""
    held = [c for c in controls if all({name, f"{name}/{c}"} <= set(s) for s in seeds)]
    if not held:
        return {}
    best = max(held, key=lambda c: float(np.mean([s[f"{name}/{c}"].mean() for s in seeds])))
    gap, z, effect = paired_over_seeds([s[name] - s[f"{name}/{best}"] for s in seeds])
    return {"difference": {**gap.json(), "against": best}, "z": z, "effect": effect}


def _share(name: str, seeds: Sequence[Columns], n: int, unit: str = "") -> Number:
    """Return a share over seeds and images, at least as uncertain as that of n images."""
    right = float(np.mean([c[name].sum() for c in seeds]))
    return over_seeds_too(proportion(right, n, unit=unit), mean_of(name), seeds)


def _estimate(
    statistic: Statistic, seeds: Sequence[Columns], saved: Sequence[Any], n: int, unit: str = ""
) -> dict[str, Any]:
    """Return a statistic over seeds and images; the mean of those saved, without an interval, where
    its columns are not kept."""
    try:
        return estimate_over_seeds(statistic, seeds, n, unit=unit).json()
    except KeyError:
        values = [s["value"] for s in saved]
        mean = None if None in values else float(np.mean(values))
        return Number(mean, None, None, n, unit=unit).json()


def _regime(
    strength: Strength, seeds: Sequence[Columns], n: int, reference: Columns | None
) -> Regime:
    if not seeds:
        return without_audit(bool(strength.collapsed), bool(strength.unfinished))
    labels = strength.audits[0].labels
    accuracy = majority = None
    if labels is not None and all(ACCURACY in c for c in seeds):
        accuracy = _share(ACCURACY, seeds, n)
        majority = float(np.bincount(seeds[0]["label"]).max() / n)
    control, gap = None, None
    found = fraction_gap(seeds)
    if found is not None:
        control, statistic = found
        gap = estimate_over_seeds(statistic, seeds, n)
    spreads = [a.json["measures"].get("output.spread", {}).get("value") for a in strength.audits]
    loss = None
    if reference is not None and accuracy is not None:
        own = strength.value is None
        loss = NO_GAP if own else accuracy_gap_of(seeds, reference)
    return regime(
        Evidence(
            accuracy,
            majority,
            None if None in spreads else float(np.mean(spreads)),
            gap,
            loss,
            control,
            None if reference is None else float(reference[ACCURACY].mean()),
            None if reference is None else STANDARD,
        )
    )
