"""At which noise level a denoiser may be believed: three gates, on held-out images.

E‖D − x₀‖² = σ² E tr J holds for the ideal denoiser, whose J is symmetric. A manifold is usable at σ
only where |tr J ÷ (held-out MSE/σ²) − 1| ≤ .1 and ‖J − Jᵀ‖²/2‖J‖² ≤ .1. The identity and the
shrinkage of every pixel towards the mean satisfy both and know no manifold, so the MSE must also be
at most .9 of that of the best shrinkage, d σ²s²/(σ² + s²), s² the variance of the pixels.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from offmanifold.errors import RunError
from offmanifold.manifold.base import ManifoldCard
from offmanifold.manifold.tweedie import TweedieManifold
from offmanifold.randomness import image_noise

SIGMAS = (0.1, 0.15, 0.25, 0.35, 0.5)
PREFERRED, TRACE_TOLERANCE, ASYMMETRY_LIMIT, SHRINKAGE_LIMIT = 0.25, 0.1, 0.1, 0.9
CHUNK = 256  # images held at once


def measure_gates(manifold: TweedieManifold, x: Tensor, index: Tensor) -> list[dict[str, float]]:
    """Return, for each σ of SIGMAS, held-out error, tr J, the gates and whether they pass.

    x: (n, c, h, w) held-out images. Traces by Hutchinson's estimator, one ±1 vector an image and
    draw; the same noise for error and trace. shrinkage_ratio: error ÷ that of the best shrinkage.
    """
    return [_row(manifold, x, index, sigma) for sigma in SIGMAS]


def _row(manifold: TweedieManifold, x: Tensor, index: Tensor, sigma: float) -> dict[str, float]:
    error = trace = jacobian = difference = 0.0
    for draw, noisy in enumerate(manifold.noisy(x, sigma, index)):
        v = image_noise(tuple(x.shape[1:]), index, seed=manifold.seed, name="gates", draw=draw)
        v = v.sign().to(x)
        for part in torch.arange(len(x)).split(CHUNK):
            a, b = noisy[part], v[part]
            pushed, pulled = (
                manifold.push(a, b[None], sigma)[0],
                manifold.pull(a, b[None], sigma)[0],
            )
            with torch.no_grad():
                error += float((manifold.denoise(a, None, sigma) - x[part]).square().sum())
            trace += float((b * pushed).sum())
            jacobian += float(pushed.square().sum() + pulled.square().sum()) / 2
            difference += float((pushed - pulled).square().sum())
    n, variance = len(x) * manifold.draws, float(x.var())
    error, trace = error / n, trace / n
    shrinkage = x[0].numel() * sigma**2 * variance / (sigma**2 + variance)
    trace_ratio = trace / max(error / sigma**2, 1e-12)
    asymmetry = difference / max(2 * jacobian, 1e-12)
    shrinkage_ratio = error / max(shrinkage, 1e-12)
    if not math.isfinite(error + trace + difference + jacobian):
        raise RunError(
            "the fitted denoiser gives values that are not finite; fit it with a smaller --lr"
        )
    return {
        "sigma": sigma,
        "error": error,
        "trace": trace,
        "trace_ratio": trace_ratio,
        "asymmetry": asymmetry,
        "shrinkage_ratio": shrinkage_ratio,
        "passes": abs(trace_ratio - 1) <= TRACE_TOLERANCE
        and asymmetry <= ASYMMETRY_LIMIT
        and shrinkage_ratio <= SHRINKAGE_LIMIT,
    }


def choose_sigma(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """Return the row of the σ nearest PREFERRED that passes all gates, or None."""
    passing = [row for row in rows if row["passes"]]
    return min(passing, key=lambda row: abs(row["sigma"] - PREFERRED), default=None)


def with_sigma(card: ManifoldCard, rows: list[dict[str, float]]) -> ManifoldCard:
    """Return the card with its gates, and the default σ they allow."""
    chosen = choose_sigma(rows)
    if chosen is None:
        return replace(card, gates=rows)
    return replace(
        card,
        gates=rows,
        sigma=chosen["sigma"],
        dimension=chosen["trace"],
        trace_ratio=chosen["trace_ratio"],
        asymmetry=chosen["asymmetry"],
        error=chosen["error"],
    )
