"""A claim of a theorem, what was measured of it, and the bound that it must keep."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Claim:
    """One sentence that can fail.

    measured, bound: plain numbers. must: "be at most" or "be at least" the bound. A statement that
    a counter-example breaks is a claim that the number is at least so large.
    """

    theorem: str
    claim: str
    measured: float
    bound: float
    must: Literal["be at most", "be at least"] = "be at most"

    @property
    def holds(self) -> bool:
        """Whether the bound is kept; a number that is not finite keeps none."""
        if not math.isfinite(self.measured):
            return False
        if self.must == "be at least":
            return self.measured >= self.bound
        return self.measured <= self.bound

    def json(self) -> dict[str, Any]:
        """Return plain JSON values; a number that is not finite is null."""
        return {
            "theorem": self.theorem,
            "claim": self.claim,
            "measured": self.measured if math.isfinite(self.measured) else None,
            "must": self.must,
            "bound": self.bound,
            "holds": self.holds,
        }


class Draws:
    """Seeded draws in float64."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal draws."""
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def choice(self, n: int, k: int) -> Tensor:
        """Return n draws from 0 … k − 1."""
        return torch.randint(k, (n,), generator=self.generator)

    def frame(self, d: int, k: int) -> Tensor:
        """Return k orthonormal columns (d, k) of a uniformly drawn subspace."""
        return torch.linalg.qr(self.normal(d, k))[0]


def share_off(v: Tensor, frame: Tensor) -> Tensor:
    """Return the share of each vector's energy outside a subspace.

    v: (n, d). frame: (d, k) orthonormal columns, or (n, d, k), one a vector. Returns (n,).
    """
    inside = (v[:, None] @ frame @ frame.mT)[:, 0] if frame.dim() == 3 else v @ frame @ frame.T
    return (v - inside).square().sum(1) / v.square().sum(1)
