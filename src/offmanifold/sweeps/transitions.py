"""Where along the strengths of one objective regimes change, interpolated in their logarithm.

Gradients begin to be on the manifold where F − C first crosses zero upwards; robustness becomes
excessive where A − A_ref last crosses −.05 downwards. Intervals are over seeds and images; the
accuracy of the standard models, the mean of their seeds, is taken as given. Where no crossing is
seen, "everywhere" and "nowhere" are said only if the interval at every strength says so; else on
average, beside the strengths at which it is shown and those at which it is undecided.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from offmanifold._core.statistics import Columns, Number, interval_of, over_seeds
from offmanifold.audits.regime import ACCURACY, ACCURACY_LOSS
from offmanifold.sweeps.groups import Method, Pool, accuracy_gap, accuracy_gap_of, fraction_gap

Turn = Callable[[np.ndarray, np.ndarray], float]
EVERYWHERE, NOWHERE = "transition.everywhere", "transition.nowhere"
FROM_THE_FIRST, NOT_AT_THE_LAST = "transition.first", "transition.last"


def boundaries(method: Method, pool: Pool, reference: Columns | None) -> dict[str, Any]:
    """Return the strengths at which regimes change, each a number or the code of why there is none.

    on_manifold: where F first exceeds C. excessive: where A falls below A_ref − .05 for good. A
    missing low or high end lies beyond the strengths of the sweep. shown, undecided: the strengths
    at which F − C (or the accuracy lost − .05) lies above 0 by its interval, and at which that
    contains 0. Strengths of which every seed collapsed are no evidence for either.
    """
    known = [s for s in method.strengths if s.audits]
    if len(known) < 2:
        few = "transition.too_few"
        return {name: {"value": None, "reason": few} for name in ("on_manifold", "excessive")}
    logs = np.log([s.value or 0.0 for s in known])
    seeds = [[pool.columns(a) for a in s.audits] for s in known]
    found = {}
    gaps = [fraction_gap(s) for s in seeds]
    if all(g is not None for g in gaps):
        table = [over_seeds(g[1], s, pool.n) for g, s in zip(gaps, seeds, strict=True) if g]
        found["on_manifold"] = _boundary(logs, np.stack(table, 1), pool.n, first_rise)
    if reference is not None and all(ACCURACY in c for s in seeds for c in s):
        loss = accuracy_gap(reference)
        table = [-(over_seeds(loss, s, pool.n) + ACCURACY_LOSS) for s in seeds]
        losses = [_lost(accuracy_gap_of(s, reference)) for s in seeds]
        found["excessive"] = _boundary(logs, np.stack(table, 1), pool.n, last_rise, losses)
    lacking = {
        "on_manifold": "transition.no_manifold",
        "excessive": "transition.no_standard",
    }
    return {name: found.get(name, {"value": None, "reason": why}) for name, why in lacking.items()}


def _lost(gap: Number) -> Number:
    """Return by how much more than .05 the accuracy lies below the reference's."""
    low, high = (None if end is None else -end - ACCURACY_LOSS for end in (gap.high, gap.low))
    return replace(gap, value=-(gap.value or 0.0) - ACCURACY_LOSS, low=low, high=high)


def _boundary(
    logs: np.ndarray,
    gaps: np.ndarray,
    n: int,
    turn: Turn,
    each: Sequence[Number] | None = None,
) -> dict[str, Any]:
    """Return where rows of gaps (1 + resamples, strengths) turn positive, as JSON.

    The first row holds the values, the others their resamples. each: the gap at every strength,
    where its interval is not that of the resamples.
    """
    each = each or [interval_of(column[0], column[1:], n) for column in gaps.T]
    shown = [number.above(0) for number in each]
    refuted = [number.high is not None and number.high <= 0 for number in each]
    strengths = [float(f"{math.exp(x):.6g}") for x in logs]
    told = {
        "shown": [s for s, yes in zip(strengths, shown, strict=True) if yes],
        "undecided": [
            s for s, yes, no in zip(strengths, shown, refuted, strict=True) if not (yes or no)
        ],
    }
    places = np.array([turn(logs, row) for row in gaps])
    number = interval_of(places[0], places[1:], n)
    found = {k: None if v is None else float(np.exp(v)) for k, v in number.ends().items()}
    saved = {**number.json(), **found, "over": "seeds and images", **told}
    if number.value is not None:
        return saved
    if places[0] == -np.inf:
        return {**saved, "reason": EVERYWHERE if all(shown) else FROM_THE_FIRST}
    return {**saved, "reason": NOWHERE if all(refuted) else NOT_AT_THE_LAST}


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
