"""Theorem 1: relative noise robustness is the relative norm of the projected gradient, as σ → 0.

Srinivas, Bordt, Lakkaraju 2023: for noise u of standard deviation σ, off and on a subspace,
ρ = E‖f(x + u_off) − f(x)‖² / E‖f(x + u_on) − f(x)‖² → ‖A P⊥‖_F² / ‖A P‖_F², A = ∂f/∂x. Exact for
affine f at every σ. For smooth f the error is of second order in σ once noise comes in pairs ±z,
whose odd terms cancel. For piecewise linear f there is none as long as no draw crosses a kink.
Limits: it says nothing at a σ at which f bends, which the σ of an audit usually is.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold.theorems.base import Claim, Draws

D, K, OUTPUTS, HIDDEN, POINTS = 60, 12, 5, 40, 12
NAME = "T1"


def check_t1(seed: int = 0) -> list[Claim]:
    """Return the claims: affine, smooth, piecewise linear and, a counter-example, its kinks."""
    return [
        Claim(NAME, "affine f: ρ is ‖AP⊥‖²/‖AP‖² at every σ (standard errors)", affine(seed), 4.0),
        Claim(
            NAME,
            "SiLU network, pairs ±z: slope of log error over log σ, away from 2",
            abs(slope(seed) - 2),
            0.1,
        ),
        Claim(
            NAME,
            "ReLU network: relative error where no draw crosses a kink",
            relu_error(seed),
            1e-10,
        ),
        Claim(
            NAME,
            "counter-example, the same at σ = 1, where draws cross kinks: relative error",
            relu_error(seed, sigma=1.0, crossing=True),
            1e-4,
            "be at least",
        ),
    ]


def affine(seed: int, draws: int = 4000, projector: Tensor | None = None) -> float:
    """Return the largest |ρ − exact| over σ in 1e-3 … 10, in standard errors.

    projector: (d, d), used in the exact value in place of the true one.
    """
    g = Draws(seed)
    a, shift, x, frame = g.normal(OUTPUTS, D), g.normal(OUTPUTS), g.normal(D), g.frame(D, K)
    p = frame @ frame.T
    exact_p = p if projector is None else projector
    eye = torch.eye(D, dtype=torch.float64)
    exact = float((a @ (eye - exact_p)).square().sum() / (a @ exact_p).square().sum())
    worst = 0.0
    for sigma in (1e-3, 1e-2, 0.1, 1.0, 10.0):
        u = sigma * g.normal(draws, D)
        on, off = (
            (F.linear(x + v, a, shift) - F.linear(x, a, shift)).square().sum(1)
            for v in (u @ p, u @ (eye - p))
        )
        rho = float(off.mean() / on.mean())
        error = float(((off - rho * on) / on.mean()).std() / draws**0.5)
        worst = max(worst, abs(rho - exact) / error)
    return worst


def slope(seed: int, paired: bool = True, draws: int = 400) -> float:
    """Return the slope of log error over log σ for a SiLU network, σ in 1e-3 … 1e-1.

    The error is |ρ(σ)/ρ₀ − 1|, ρ₀ by the Jacobian on the same draws, as a root mean square over
    points: at a single one its leading term may vanish. paired: whether each z comes with −z.
    """
    g, f = _network(seed, F.silu)
    points, frame = g.normal(POINTS, D), g.frame(D, K)
    z = g.normal(draws, D)
    z = torch.cat([z, -z]) if paired else z
    on = z @ frame @ frame.T
    sigmas = np.geomspace(1e-3, 1e-1, 5)
    errors = np.zeros(len(sigmas))
    for x in points:
        exact = _linear_ratio(f, x, on, z - on)
        found = [_ratio(f, x, float(s) * on, float(s) * (z - on)) for s in sigmas]
        errors += np.square(np.array(found) / exact - 1)
    return float(np.polyfit(np.log(sigmas), np.log(errors) / 2, 1)[0])


def relu_error(
    seed: int, sigma: float = 1e-4, draws: int = 400, *, crossing: bool = False
) -> float:
    """Return |ρ − ρ₀|/ρ₀ of a ReLU network over the draws that cross no kink; inf without any.

    crossing: over all draws.
    """
    g, f = _network(seed, F.relu)
    x, frame = g.normal(D), g.frame(D, K)
    z = sigma * g.normal(draws, D)
    on = z @ frame @ frame.T
    signs = f.hidden(x[None]) > 0
    stays = [(signs == (f.hidden(x + u) > 0)).all(1) for u in (on, z - on)]
    kept = (stays[0] & stays[1]) | crossing
    if not kept.any():
        return float("inf")
    on, off = on[kept], (z - on)[kept]
    exact = _linear_ratio(f, x, on, off)
    return abs(_ratio(f, x, on, off) - exact) / exact


class _Network:
    """f(x) = C a(Bx + b), one layer of HIDDEN units."""

    def __init__(self, b: Tensor, shift: Tensor, c: Tensor, activation: Callable):
        self.b, self.shift, self.c, self.activation = b, shift, c, activation

    def hidden(self, x: Tensor) -> Tensor:
        return x @ self.b.T + self.shift

    def __call__(self, x: Tensor) -> Tensor:
        return self.activation(self.hidden(x)) @ self.c.T


def _network(seed: int, activation: Callable) -> tuple[Draws, _Network]:
    g = Draws(seed)
    b, shift = g.normal(HIDDEN, D) / D**0.5, g.normal(HIDDEN)
    return g, _Network(b, shift, g.normal(OUTPUTS, HIDDEN), activation)


def _ratio(f: _Network, x: Tensor, on: Tensor, off: Tensor) -> float:
    changes = [(f(x + u) - f(x)).square().sum() for u in (off, on)]
    return float(changes[0] / changes[1])


def _linear_ratio(f: _Network, x: Tensor, on: Tensor, off: Tensor) -> float:
    a = torch.func.jacrev(f)(x)
    return float((off @ a.T).square().sum() / (on @ a.T).square().sum())
