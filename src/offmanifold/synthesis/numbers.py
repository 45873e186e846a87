"""What is said of each made image: the classifier's verdict on it as it is written, in 8 bits."""

import math
from collections.abc import Sequence
from typing import Any

from msgspec import structs
from torch import Tensor

from offmanifold.synthesis.counterfactuals import Counterfactuals
from offmanifold.synthesis.filling import predicted, value_of
from offmanifold.synthesis.result import Synthesis, in_8_bits
from offmanifold.synthesis.schema import Numbers
from offmanifold.synthesis.session import Session


def numbers_of(
    session: Session, made: Synthesis, before: Tensor | None = None, **more: Tensor
) -> list[Numbers]:
    """Return the numbers of each image.

    before: the images (n, c, h, w) in which the class before is seen; more: (n,) of `Numbers`.
    """
    written = in_8_bits(made.images)
    p = value_of(session.model, written, made.y, "log_prob").exp()

    def names(classes: Tensor) -> list[str]:
        return [session.classes[c] for c in classes.tolist()]

    columns: dict[str, list[Any]] = {"target": names(made.y)}
    if isinstance(made, Counterfactuals):
        was = predicted(session.model, made.start)
        already = was == made.y
        columns |= {"was": names(was), "already": already.tolist()}
        columns["found"] = (made.found & ~already).tolist()
    else:
        if before is not None:
            columns["before"] = names(predicted(session.model, before.to(session.device)))
        columns["after"] = names(predicted(session.model, written))
    columns |= {"probability": p.tolist(), "norm": made.norms.tolist()}
    columns["steps"] = made.steps.tolist()
    columns |= {key: values.tolist() for key, values in more.items()}
    rows = zip(*columns.values(), strict=True)
    return [Numbers(**dict(zip(columns, row, strict=True))) for row in rows]


def of_the_whole(pieces: Sequence[Numbers], error: dict[str, float] | None = None) -> Numbers:
    """Return the numbers of an image from those of its pieces; error: to the original."""
    if len(pieces) == 1:
        return structs.replace(pieces[0], error=error)
    norm = math.hypot(*(one.norm or 0.0 for one in pieces))
    return Numbers(pieces=len(pieces), norm=norm, error=error)
