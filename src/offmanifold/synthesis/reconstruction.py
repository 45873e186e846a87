"""How near each way comes to images that are known: errors, and what the classifier loses to."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from offmanifold._core.statistics import Number, mean_by_student
from offmanifold.synthesis.schema import Loss, Scores
from offmanifold.synthesis.store import Row

ORIGINAL = "original"  # the column of the true images
SHOWN = (ORIGINAL, "mask", "change")  # columns that are no way to the original
WAYS = ("ascent", "result")  # the classifier alone, and with a manifold
DENOISER = "denoiser"  # the manifold alone
FEWEST = 10  # images from which one way is said to lose to another


def errors_of(pictures: dict[str, Tensor]) -> dict[str, float]:
    """Return the root mean square per pixel of each picture (c, h, w) − the original."""
    original = pictures[ORIGINAL]
    return {
        column: float((x - original).square().mean().sqrt())
        for column, x in pictures.items()
        if column not in SHOWN
    }


def scores_of(rows: Sequence[Row]) -> Scores:
    """Return the mean error of each column, and where one of `WAYS` loses to another.

    rows: with an error among their numbers. A way loses where the interval of its error less the
    other's, paired over images, is above 0; of fewer than `FEWEST` images nothing is said. Of the
    plain ways that it loses to the best is named, and the denoiser alone if it loses to that.
    """
    each = [row.numbers.error or {} for row in rows]
    names = list(each[0])
    columns = {c: np.array([one[c] for one in each]) for c in names}
    errors = {c: _above_zero(mean_by_student(columns[c])) for c in names}
    plain = sorted(
        (c for c in names if c not in (*WAYS, DENOISER)), key=lambda c: float(columns[c].mean())
    )
    lost = []
    for way in (c for c in WAYS if c in names and len(rows) >= FEWEST):
        for others in (plain, [c for c in names if c == DENOISER]):
            differences = ((c, mean_by_student(columns[way] - columns[c])) for c in others)
            found = next(((c, d) for c, d in differences if d.above(0)), None)
            if found is not None:
                lost.append(Loss(way=way, baseline=found[0], difference=found[1]))
    few = None if len(rows) >= FEWEST else len(rows)
    return Scores(errors=errors, lost=tuple(lost), few=few)


def _above_zero(error: Number) -> Number:
    """Return an error with the part of its interval where errors can be."""
    return error if error.low is None else replace(error, low=max(0.0, error.low))
