"""How much robustness is right: the strength to train with, from a few runs.

The strength sought has the highest value of one measure (the posterior cosine, say) among those
whose accuracy lies at most a stated loss below the standard model's. It is bracketed by steps of 4,
then refined: where accuracy binds, at the strength at which the loss, a power of the strength, is
expected to use up what is allowed; elsewhere at the vertex of a parabola in the logarithm of the
strength. Every run is judged on validation images, so that test images are left for its audit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from offmanifold.measures import Number

STEP = 4.0  # of the bracket
NEAR = 1.15  # strengths nearer than this factor are one
TARGET = 0.8  # share of the allowed loss that a refinement aims at: accuracy is known roughly


@dataclass(frozen=True)
class Wanted:
    """What a user wants: the stated utility.

    measure: to be as high as possible. accuracy_loss: share of images at most that the standard
    model gets right and this one may lose, net. robust_accuracy: least accuracy under attack, or
    None.
    """

    measure: str = "alignment.cosine_posterior"
    accuracy_loss: float = 0.02
    robust_accuracy: float | None = None


@dataclass(frozen=True)
class Tried:
    """A strength and what its run measured; value is None where training collapsed.

    value: of the wanted measure. gain: by how much it exceeds that of the standard model, paired.
    loss: accuracy of the standard model − its own, paired. robust: accuracy under attack.
    """

    strength: float
    value: Number | None
    loss: Number | None
    robust: Number | None = None
    gain: Number | None = None

    @property
    def collapsed(self) -> bool:
        """Whether there is nothing to judge."""
        return self.value is None or self.value.value is None

    @property
    def better(self) -> bool:
        """Whether the wanted measure is shown to be above the standard model's."""
        return self.gain is not None and self.gain.above(0)


def acceptable(one: Tried, wanted: Wanted) -> bool:
    """Whether a run keeps the accuracy, and has the robustness, that was asked for."""
    return not _too_strong(one, wanted) and not _too_fragile(one, wanted)


def _too_strong(one: Tried, wanted: Wanted) -> bool:
    lost = one.loss is not None and (one.loss.value or 0.0) > wanted.accuracy_loss
    return one.collapsed or lost


def _too_fragile(one: Tried, wanted: Wanted) -> bool:
    least = wanted.robust_accuracy
    return least is not None and one.robust is not None and (one.robust.value or 0.0) < least


def choose(tried: Sequence[Tried], wanted: Wanted) -> Tried | None:
    """Return the run with the highest value among the acceptable, None if there is none.

    One shown to be better than the standard model goes before any that is not.
    """
    good = [t for t in tried if acceptable(t, wanted)]
    return max(good, key=lambda t: (t.better, _value(t)), default=None)


def next_strength(tried: Sequence[Tried], start: float, wanted: Wanted) -> float | None:
    """Return the strength to try next, None where no other is expected to be better.

    start: the first one.

    >>> next_strength([], 1.0, Wanted())
    1.0
    >>> one = Tried(1.0, Number(0.3, 0.2, 0.4, 200), Number(0.0, -0.01, 0.01, 200))
    >>> next_strength([one], 1.0, Wanted())
    4.0
    """
    if not tried:
        return start
    tried = sorted(tried, key=lambda t: t.strength)
    proposed = _propose(tried, wanted)
    if any(max(proposed / t.strength, t.strength / proposed) < NEAR for t in tried):
        return None
    return float(f"{proposed:.3g}")


def _propose(tried: Sequence[Tried], wanted: Wanted) -> float:
    strong = [t for t in tried if _too_strong(t, wanted)]
    if len(strong) == len(tried):
        return _down(tried[0], wanted)
    kept = [t for t in tried if not _too_strong(t, wanted)]
    fragile = [t for t in kept if _too_fragile(t, wanted)]
    best = max((t for t in kept if t not in fragile), key=_value, default=kept[-1])
    above = next((t for t in tried if t.strength > best.strength), None)
    if above is None:
        return _up(best, wanted)
    if _too_strong(above, wanted):
        return _between(best, above, wanted)
    below = [t for t in kept if t.strength < best.strength]
    if not below:
        return best.strength / STEP
    around = (below[-1], best, above)
    place = math.exp(vertex([(math.log(t.strength), _value(t)) for t in around]))
    return min(max(place, below[-1].strength * NEAR), above.strength / NEAR)


def _value(one: Tried) -> float:
    return -math.inf if one.value is None or one.value.value is None else one.value.value


def _loss(one: Tried) -> float | None:
    """Return the accuracy lost, None where it is not clearly above 0."""
    known = one.loss is not None and one.loss.value is not None and one.loss.value > 0
    return one.loss.value if known and one.loss is not None else None


def _up(best: Tried, wanted: Wanted) -> float:
    """Return a larger strength: a step, half of one where half the loss allowed is used up.

    A smaller one where it is used up: more is not to be had above.
    """
    lost = _loss(best)
    used = 0.0 if lost is None else lost / max(wanted.accuracy_loss, 1e-9)
    if used >= TARGET:
        return best.strength / STEP
    return best.strength * (STEP if used < 0.5 else math.sqrt(STEP))


def _down(least: Tried, wanted: Wanted) -> float:
    """Return a smaller strength: the loss taken as proportional to it, within a step or two."""
    lost = _loss(least)
    if least.collapsed or lost is None:
        return least.strength / STEP
    factor = TARGET * wanted.accuracy_loss / lost
    return least.strength * min(max(factor, STEP**-2), 1 / math.sqrt(STEP))


def _between(good: Tried, lossy: Tried, wanted: Wanted) -> float:
    """Return where the loss, a power of the strength, is expected to use up TARGET of the limit."""
    middle = math.sqrt(good.strength * lossy.strength)
    high, low = _loss(lossy), _loss(good)
    if lossy.collapsed or high is None:
        return middle
    low = max(low or 0.0, 0.1 * wanted.accuracy_loss)
    share = math.log(max(TARGET * wanted.accuracy_loss / low, 1.0)) / math.log(max(high / low, 1.1))
    place = good.strength * (lossy.strength / good.strength) ** min(max(share, 0.0), 1.0)
    return min(max(place, good.strength * NEAR), lossy.strength / NEAR)


def vertex(points: Sequence[tuple[float, float]]) -> float:
    """Return where the parabola through three points has its maximum.

    The middle of the two highest neighbours where it has none.

    >>> vertex([(-1.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
    0.0
    """
    (a, fa), (b, fb), (c, fc) = points
    top = (b - a) ** 2 * (fb - fc) - (b - c) ** 2 * (fb - fa)
    bottom = (b - a) * (fb - fc) - (b - c) * (fb - fa)
    curvature = (fc - fb) / (c - b) - (fb - fa) / (b - a)
    if not curvature < 0:
        return (b + c) / 2 if fc > fa else (a + b) / 2
    return b - top / (2 * bottom)
