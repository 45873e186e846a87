"""The theorems of Srinivas et al. 2023 as checks in float64, with their counter-examples."""

from offmanifold.theorems.base import Claim
from offmanifold.theorems.t1 import check_t1
from offmanifold.theorems.t2 import check_t2
from offmanifold.theorems.t3 import Point, check_t3, thick_subspace


def check_theorems(seed: int = 0) -> list[Claim]:
    """Return every claim, measured."""
    return [*check_t1(seed), *check_t2(seed), *check_t3(seed)]


__all__ = ["Claim", "Point", "check_t1", "check_t2", "check_t3", "check_theorems", "thick_subspace"]
