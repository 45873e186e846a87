"""Whether models differ on the manifold by more than they differ in a manifold that knows no image.

A ranking that the fakes share is not credited to the manifold. Of two models on the same images, F
is the on-manifold fraction and K the energy of the same gradient in a fake manifold, both shares of
energy. Where Δ_F = mean(F₁ − F₂) lies clearly on one side of 0 (95 % paired interval), a fake
shares the ranking unless Δ_F − Δ_K lies clearly on that side too: the manifold has to show more.
"""

from typing import Any

from offmanifold._core.statistics import Columns, Number, Statistic, difference, mean_of
from offmanifold.audits.regime import FRACTION, LEAST_IMAGES
from offmanifold.measures import measures
from offmanifold.measures.other_manifolds import FakeFraction

UNIT = "share of energy"
ROUNDING = 1e-6  # of columns in float32: what differs by less does not differ


def credit(one: Columns, other: Columns) -> dict[str, Any] | None:
    """Return whether the difference in F of two models is credited to the manifold, as plain JSON.

    one, other: columns (n,) of the same images in one order. difference: Δ_F. fakes: {name:
    {difference: Δ_K, beyond: Δ_F − Δ_K, shares}}, of those measured. credited: no fake shares it.
    None where F does not differ clearly, or no fake was measured, or of too few images.
    """
    known = {name: column for name, column in fakes().items() if column in one and column in other}
    if not known or FRACTION not in one or FRACTION not in other:
        return None
    n = len(one[FRACTION])
    gap = difference(mean_of(FRACTION), one, other, n, unit=UNIT)
    if n < LEAST_IMAGES or not side_of(gap):
        return None
    found = {}
    for name, column in known.items():
        beyond = difference(_beyond(column), one, other, n, unit=UNIT)
        found[name] = {
            "difference": difference(mean_of(column), one, other, n, unit=UNIT).json(),
            "beyond": beyond.json(),
            "shares": side_of(beyond) != side_of(gap),
        }
    credited = not any(fake["shares"] for fake in found.values())
    return {"difference": gap.json(), "fakes": found, "credited": credited}


def fakes() -> dict[str, str]:
    """Return {name of a fake manifold: column of the gradient's energy in it}."""
    return {cls.fake: name for name, cls in measures.items() if issubclass(cls, FakeFraction)}


def side_of(number: Number) -> int:
    """Return on which side of 0 the whole interval lies: 1, −1, or 0 for neither."""
    return int(number.above(ROUNDING)) - int(number.below(-ROUNDING))


def _beyond(column: str) -> Statistic:
    """Return the statistic: mean of F − mean of a fake's column."""
    fraction, fake = mean_of(FRACTION), mean_of(column)
    return lambda columns, weights: fraction(columns, weights) - fake(columns, weights)
