"""How near each way comes to images that are known: errors, and what the classifier loses to."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from offmanifold.commands.kept_rows import Row
from offmanifold.measures.statistics import Number, estimate, mean_of, paired

ORIGINAL = "original"  # the column of the true images
SHOWN = (ORIGINAL, "mask", "change")  # columns that are no way to the original
WAYS = ("ascent", "result")  # the classifier alone, and with a manifold
DENOISER = "denoiser"  # the manifold alone


def errors_of(pictures: dict[str, Tensor]) -> dict[str, float]:
    """Return the root mean square per pixel of each picture (c, h, w) − the original."""
    original = pictures[ORIGINAL]
    return {
        column: float((x - original).square().mean().sqrt())
        for column, x in pictures.items()
        if column not in SHOWN
    }


def scores_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the mean error of each column, and where one of `WAYS` loses to another.

    rows: with "error" among their numbers. A way loses where the interval of its error less the
    other's, paired over images, is above 0; of one image, where its error is larger. Of the plain
    ways that it loses to the best is named, and the denoiser alone if it loses to that.
    """
    names = list(rows[0].numbers["error"])
    columns = {c: np.array([row.numbers["error"][c] for row in rows]) for c in names}
    errors = {c: _known(estimate(mean_of(c), columns, len(rows))) for c in names}
    plain = sorted(
        (c for c in names if c not in (*WAYS, DENOISER)), key=lambda c: float(columns[c].mean())
    )
    lost = []
    for way in (c for c in WAYS if c in names):
        for others in (plain, [c for c in names if c == DENOISER]):
            differences = ((c, _known(paired(columns[way], columns[c])[0])) for c in others)
            found = next(((c, d) for c, d in differences if _above(d)), None)
            if found is not None:
                lost.append({"way": way, "baseline": found[0], "difference": found[1].json()})
    return {"errors": {c: e.json() for c, e in errors.items()}, "lost": lost}


def _above(difference: Number) -> bool:
    low = difference.value if difference.low is None else difference.low
    return low is not None and low > 0


def _known(number: Number) -> Number:
    """Return a number without an interval where there is but one image."""
    return number if number.n > 1 else replace(number, low=None, high=None)
