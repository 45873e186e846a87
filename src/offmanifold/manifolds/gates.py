"""At which noise level a denoiser may be believed: three gates, on held-out images.

E‖D − x₀‖² = σ² E tr J holds for the ideal denoiser, whose J is symmetric. A manifold is usable at σ
only where |tr J ÷ (held-out MSE/σ²) − 1| ≤ .1 and ‖J − Jᵀ‖²/2‖J‖² ≤ .1. The identity and the
shrinkage of every pixel towards the mean satisfy both and know no manifold, so the MSE must also be
at most .9 of that of the best shrinkage, d σ²s²/(σ² + s²), s² the variance of the pixels.

An estimator that gives tangent spaces alone (`scores` False) promises no such error: the last gate
decides, the others are reported.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from offmanifold._core.errors import RunError
from offmanifold._core.randomness import image_noise
from offmanifold.data.types import Data
from offmanifold.manifolds.base import Fitted, ManifoldCard
from offmanifold.manifolds.linear import Wiener

SIGMAS = (0.1, 0.15, 0.25, 0.35, 0.5)
PREFERRED, TRACE_TOLERANCE, ASYMMETRY_LIMIT, SHRINKAGE_LIMIT = 0.25, 0.1, 0.1, 0.9
PIXELS = 2**17  # of the images held at once
RANKED, RANK_MARGIN = 16, 16  # images whose spectrum is taken; eigenvalues beyond twice tr J
HELD = 2**25  # numbers of their eigenvectors held at once: of larger images fewer, and 2 at least


def complete(manifold: Fitted, data: Data, *, images: int = 512, seed: int = 0) -> None:
    """Judge a fitted manifold on images of data.val, and write all of it into its card.

    Its gates, the default σ they allow, tr J with its interval, the rank, and beside each error
    those of the best linear denoiser and of the best in hindsight (`Wiener`).
    """
    held_out = data.val.subset(images, seed)
    batch = held_out.read(held_out.rows)
    x = batch.x.to(next(iter([*manifold.parameters(), *manifold.buffers()]), batch.x).device)
    rows = measure_gates(manifold, x, batch.index)
    linear = Wiener(data.train, seed)
    for row in rows:
        sigma = row["sigma"]
        errors = [linear.denoise(a, sigma) - x for a in manifold.noisy(x, sigma, batch.index)]
        row["wiener_error"] = float(torch.stack(errors).square().sum()) / (len(errors) * len(x))
        row["hindsight_error"] = linear.hindsight_error(x, sigma)
    manifold.card = with_sigma(manifold.card, rows)
    if manifold.card.sigma is not None:
        each = x[0].numel() * (2 * round(manifold.card.dimension or 0) + RANK_MARGIN)
        n = max(2, min(RANKED, HELD // each))
        rank = measure_rank(manifold, x[:n], batch.index[:n])
        manifold.card = replace(manifold.card, rank=rank[0], rank_interval=rank[1:])


def may_ask(card: ManifoldCard, sigma: float) -> bool:
    """Whether a manifold may be asked at σ: its gates pass there, or at both σ tried around it.

    One without gates, known exactly, may be asked anywhere.
    """
    if not card.gates:
        return card.usable
    passing = {row["sigma"]: bool(row["passes"]) for row in card.gates}
    below = [s for s in passing if s <= sigma * (1 + 1e-9)]
    above = [s for s in passing if s >= sigma * (1 - 1e-9)]
    return bool(below and above) and passing[max(below)] and passing[min(above)]


def measure_rank(manifold: Fitted, x: Tensor, index: Tensor) -> tuple[float, float, float]:
    """Return the number of eigenvalues of J̄ above ½ at the default σ: mean over images, low, high.

    In these directions the data vary more than the noise. Unlike tr J it does not shrink with the
    extent of the data: on a sphere of k dimensions it is k until R²/k falls to σ². At most twice
    the dimension, and RANK_MARGIN more, are looked at.
    """
    k = min(x[0].numel(), 2 * round(manifold.card.dimension or 0) + RANK_MARGIN)
    counts = (manifold.spectrum(x, k, index=index) > 0.5).double().sum(1)
    margin = 1.96 * float(counts.std()) / math.sqrt(len(x)) if len(x) > 1 else float(counts)
    mean = float(counts.mean())
    return mean, mean - margin, mean + margin


def measure_gates(manifold: Fitted, x: Tensor, index: Tensor) -> list[dict[str, float]]:
    """Return, for each σ of SIGMAS, held-out error, tr J, the gates and whether they pass.

    x: (n, c, h, w) held-out images. Traces by Hutchinson's estimator, one ±1 vector an image and
    draw; the same noise for error and trace. shrinkage_ratio: error ÷ that of the best shrinkage.
    """
    return [_row(manifold, x, index, sigma) for sigma in SIGMAS]


def _row(manifold: Fitted, x: Tensor, index: Tensor, sigma: float) -> dict[str, float]:
    error = jacobian = difference = 0.0
    traces: list[float] = []  # of each draw, of each image
    for draw, noisy in enumerate(manifold.noisy(x, sigma, index)):
        v = image_noise(tuple(x.shape[1:]), index, seed=manifold.seed, name="gates", draw=draw)
        v = v.sign().to(x)
        for part in torch.arange(len(x)).split(max(1, PIXELS // x[0, 0].numel())):
            a, b = noisy[part], v[part]
            pushed, pulled = (
                manifold.push(a, b[None], sigma)[0],
                manifold.pull(a, b[None], sigma)[0],
            )
            with torch.no_grad():
                error += float((manifold.denoise(a, None, sigma) - x[part]).square().sum())
            traces += (b * pushed).flatten(1).sum(1).tolist()
            jacobian += float(pushed.square().sum() + pulled.square().sum()) / 2
            difference += float((pushed - pulled).square().sum())
    n, variance = len(x) * manifold.draws, float(x.var())
    error, trace = error / n, sum(traces) / n
    each = torch.tensor(traces).reshape(manifold.draws, len(x)).mean(0)
    margin = 1.96 * float(each.std()) / math.sqrt(len(x)) if len(x) > 1 else abs(trace)
    shrinkage = x[0].numel() * sigma**2 * variance / (sigma**2 + variance)
    trace_ratio = trace / max(error / sigma**2, 1e-12)
    asymmetry = difference / max(2 * jacobian, 1e-12)
    shrinkage_ratio = error / max(shrinkage, 1e-12)
    if not math.isfinite(error + trace + difference + jacobian):
        raise RunError(
            "the fitted denoiser gives values that are not finite; fit it with a smaller `lr`"
        )
    return {
        "sigma": sigma,
        "error": error,
        "trace": trace,
        "trace_low": trace - margin,
        "trace_high": trace + margin,
        "trace_ratio": trace_ratio,
        "asymmetry": asymmetry,
        "shrinkage_ratio": shrinkage_ratio,
        "passes": shrinkage_ratio <= SHRINKAGE_LIMIT
        and (
            not manifold.scores
            or (abs(trace_ratio - 1) <= TRACE_TOLERANCE and asymmetry <= ASYMMETRY_LIMIT)
        ),
    }


def choose_sigma(rows: list[dict[str, float]]) -> dict[str, float] | None:
    """Return the row of the σ nearest PREFERRED that passes all gates, or None."""
    passing = [row for row in rows if row["passes"]]
    return min(passing, key=lambda row: abs(row["sigma"] - PREFERRED), default=None)


def with_sigma(card: ManifoldCard, rows: list[dict[str, float]]) -> ManifoldCard:
    """Return the card with its gates, and the default σ they allow."""
    chosen = choose_sigma(rows)
    if chosen is None:
        return ManifoldCard(
            card.spec,
            card.hash,
            card.shape,
            card.classes,
            card.data,
            gates=rows,
            pooling=card.pooling,
        )
    return replace(
        card,
        gates=rows,
        sigma=chosen["sigma"],
        dimension=chosen["trace"],
        dimension_interval=(chosen["trace_low"], chosen["trace_high"]),
        trace_ratio=chosen["trace_ratio"],
        asymmetry=chosen["asymmetry"],
        error=chosen["error"],
    )
