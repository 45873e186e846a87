"""Theorem 3: a linear model with penalised gradient is off-manifold robust, and in three regimes.

Srinivas, Bordt, Lakkaraju 2023: the minimiser of Σ(y − w·x)² + λ‖w‖² (the gradient of f is w)
over data in a subspace V lies in V at every λ > 0. Data near V, with standard deviation τ off it,
give the three regimes of the strength λ: too small, and w fits the noise off V; too large, and it
fits nothing.
Limits: without the penalty, a w started off V by gradient descent stays off it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from offmanifold.theorems.base import Claim, Draws

NAME = "T3"
N, D, K, SPREAD, THICKNESS, NOISE, DRAWS = 200, 100, 5, 1.0, 0.05, 0.3, 200
# λ: (ρ_rel, excess risk), with half a unit of the last digit
PUBLISHED = {
    1e-6: ((35.0, 0.5), (0.092, 5e-4)),
    1.0: ((1.60, 5e-3), (0.0064, 5e-5)),
    5.0: ((0.136, 5e-4), (0.0033, 5e-5)),
    10.0: ((0.041, 5e-4), (0.0049, 5e-5)),
    100.0: ((0.0021, 5e-5), (0.118, 5e-4)),
    1e6: ((0.0013, 5e-5), (1.0, 0.05)),
}
ALIGNED, TOLERATED = 0.3, 1 / 20  # ρ_rel at most; excess risk at most, over that of predicting 0


@dataclass(frozen=True)
class Point:
    """One strength: means over draws of data, with their standard errors."""

    strength: float
    rho: float
    rho_error: float
    risk: float
    risk_error: float

    @property
    def regime(self) -> str:
        """Return weak, bayes-aligned or excessive, by ALIGNED and TOLERATED."""
        if self.rho > ALIGNED:
            return "weak"
        return "bayes-aligned" if self.risk <= TOLERATED else "excessive"


def check_t3(seed: int = 0) -> list[Claim]:
    """Return the claims on an exact subspace and on a thick one."""
    points = {p.strength: p for p in thick_subspace(list(PUBLISHED), seed)}
    least, best, most = points[1e-6], points[5.0], points[1e6]
    return [
        Claim(
            NAME,
            "data in a subspace: ‖P⊥w‖/‖w‖ for λ from 1e-2 to 1e6",
            max(exact_subspace(seed, strength) for strength in np.geomspace(1e-2, 1e6, 9)),
            1e-10,
        ),
        Claim(
            NAME,
            "counter-example, gradient descent without penalty from off the subspace: ‖P⊥w‖/‖w‖",
            unregularised(seed),
            0.1,
            "be at least",
        ),
        Claim(
            NAME,
            "data near a subspace: ρ and excess risk as published (standard errors)",
            deviation(list(points.values())),
            4.0,
        ),
        Claim(NAME, "Bayes-aligned at λ = 5: ρ", best.rho, ALIGNED),
        Claim(
            NAME,
            "Bayes-aligned at λ = 5: excess risk ÷ that of the better end",
            best.risk / min(least.risk, most.risk),
            TOLERATED,
        ),
        Claim(NAME, "weak at λ = 1e-6: ρ", least.rho, 1.0, "be at least"),
        Claim(NAME, "excessive at λ = 1e6: excess risk", most.risk, 0.9, "be at least"),
    ]


def exact_subspace(seed: int, strength: float) -> float:
    """Return ‖P⊥w‖/‖w‖ for data in a rotated subspace, w = Xᵀ(XXᵀ + λI)⁻¹y."""
    g = Draws(seed)
    frame = g.frame(D, K)
    x = g.normal(N, K) @ frame.T
    y = x @ frame.sum(1) / K**0.5 + NOISE * g.normal(N)
    eye = torch.eye(N, dtype=torch.float64)
    w = x.T @ torch.linalg.solve(x @ x.T + strength * eye, y)
    return _outside(w, frame)


def unregularised(seed: int, steps: int = 500) -> float:
    """Return ‖P⊥w‖/‖w‖ after gradient descent on Σ(y − w·x)² from a random w."""
    g = Draws(seed)
    frame = g.frame(D, K)
    x = g.normal(N, K) @ frame.T
    y = x @ frame.sum(1) / K**0.5 + NOISE * g.normal(N)
    w = g.normal(D) / D**0.5
    rate = 0.5 / float(torch.linalg.matrix_norm(x, 2)) ** 2
    for _ in range(steps):
        w = w - rate * 2 * x.T @ (x @ w - y)
    return _outside(w, frame)


def thick_subspace(strengths: Sequence[float], seed: int = 0, draws: int = DRAWS) -> list[Point]:
    """Return ρ and the excess risk of ridge regression on N points near a subspace.

    x has standard deviation SPREAD along K directions and THICKNESS along the others, y = w₀·x +
    noise with |w₀| = 1 along the K. ρ = ‖P⊥w‖²/‖Pw‖², excess risk E((w − w₀)·x)², 1 for w = 0.
    """
    g = Draws(seed)
    deviations = torch.full((D,), THICKNESS, dtype=torch.float64)
    deviations[:K] = SPREAD
    truth = torch.zeros(D, dtype=torch.float64)
    truth[:K] = K**-0.5
    x = g.normal(draws, N, D) * deviations
    y = x @ truth + NOISE * g.normal(draws, N)
    left, values, right = torch.linalg.svd(x, full_matrices=False)
    along = (left.mT @ y[:, :, None])[:, :, 0]
    points = []
    for strength in strengths:
        w = (right.mT @ (values / (values**2 + strength) * along)[:, :, None])[:, :, 0]
        rho = w[:, K:].square().sum(1) / w[:, :K].square().sum(1)
        risk = ((w - truth) * deviations).square().sum(1)
        numbers = [f for q in (rho, risk) for f in (float(q.mean()), float(q.std()) / draws**0.5)]
        points.append(Point(strength, *numbers))
    return points


def deviation(points: Sequence[Point]) -> float:
    """Return how far the points lie from PUBLISHED at most, beyond rounding, in standard errors."""
    worst = 0.0
    for point in points:
        rho, risk = PUBLISHED[point.strength]
        for (value, half), mine, error in (
            (rho, point.rho, point.rho_error),
            (risk, point.risk, point.risk_error),
        ):
            worst = max(worst, (abs(mine - value) - half) / error)
    return worst


def _outside(w: Tensor, frame: Tensor) -> float:
    """Return ‖P⊥w‖/‖w‖."""
    return float((w - frame @ (frame.T @ w)).norm() / w.norm())
