"""What results/synthesis asks of its scores: where they peak, what goes with them, and whether the
better aligned of two models of equal accuracy scores higher."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scored import COSINE, Scored

from offmanifold._core.statistics import (
    RESAMPLES,
    difference,
    estimate_over_seeds,
    mean_of,
    number_of,
    paired_over_seeds,
    resamples,
)
from offmanifold.measures import Number
from offmanifold.sweeps.correlates import spearman
from offmanifold.sweeps.groups import Pool

ASKED = {
    "generate/alone/class": "made: class asked for",
    "generate/alone/precision": "made: precision",
    "generate/alone/recall": "made: recall",
    "generate/alone/nearest": "made: l2 to the nearest training image",
    "inpaint/alone/psnr": "inpainted: PSNR, dB",
    "inpaint/alone/class": "inpainted: class",
    "superresolve/alone/psnr": "super-resolved: PSNR, dB",
    "superresolve/alone/class": "super-resolved: class",
    "denoise/alone/psnr": "denoised: PSNR, dB",
    "denoise/alone/class": "denoised: class",
}
LOWER = ("generate/alone/nearest",)  # is better
EQUAL = 0.005  # accuracies of a matched pair lie this near


def by_strength(models: Sequence[Scored]) -> dict[str, dict[float | None, list[Scored]]]:
    """Return {objective: {strength: its seeds}} with the standard model's under None."""
    standard = [m for m in models if m.entry.value is None]
    found: dict[str, dict[float | None, list[Scored]]] = {}
    for m in sorted(models, key=lambda m: m.entry.value or 0.0):
        if m.entry.value is not None:
            strengths = found.setdefault(m.entry.objective, {None: standard})
            strengths.setdefault(m.entry.value, []).append(m)
    return found


def over(seeds: Sequence[Scored], score: str) -> Number:
    """Return a mean score with its interval over seeds and images."""
    columns = [m.columns for m in seeds]
    return estimate_over_seeds(mean_of(score), columns, len(columns[0][score]))


def cosine_over(seeds: Sequence[Scored]) -> Number:
    """Return the mean cosine to the posterior score, over the images of the sweep's audits."""
    pool = Pool([m.entry.audit for m in seeds])
    columns = [pool.columns(m.entry.audit) for m in seeds]
    return estimate_over_seeds(mean_of(COSINE), columns, pool.n)


def gap(a: Sequence[Scored], b: Sequence[Scored], score: str) -> Number | None:
    """Return the mean of a less that of b, paired by image, over the seeds that both have.

    None where they share no seed, as before all models are scored.
    """
    other = {m.entry.seed: m for m in b}
    gaps = [
        m.columns[score] - other[m.entry.seed].columns[score] for m in a if m.entry.seed in other
    ]
    return paired_over_seeds(gaps)[0] if gaps else None


def peaks(models: Sequence[Scored], score: str) -> list[dict[str, Any]]:
    """Return for each method where a score is best, and what it gains over weak and excessive."""
    found = []
    for objective, strengths in by_strength(models).items():
        values = {v: over(seeds, score) for v, seeds in strengths.items() if seeds}
        sign = -1 if score in LOWER else 1
        best = max(values, key=lambda v: sign * (values[v].value or 0.0))
        strongest = max(v for v in values if v is not None)
        found.append(
            {
                "objective": objective,
                "standard": values.get(None),
                "best": best,
                "value": values[best],
                "regime": strengths[best][0].entry.regime,
                "over_standard": gap(strengths[best], strengths[None], score),
                "strongest": strongest,
                "strongest_regime": strengths[strongest][0].entry.regime,
                "over_strongest": gap(strengths[best], strengths[strongest], score),
            }
        )
    return found


def correlations(models: Sequence[Scored], score: str) -> dict[str, Number]:
    """Return rank correlations of a score with alignment, accuracy and robustness over the models.

    Intervals by drawing models: they are few, and share images and, at a strength, the method.
    """
    values = np.array([m.columns[score].mean() for m in models])
    known = {
        "cosine": [m.entry.cosine for m in models],
        "accuracy": [m.accuracy for m in models],
        "accuracy under attack": [
            m.entry.audit.json["measures"]["accuracy.pgd_l2"]["value"] for m in models
        ],
    }
    draws = resamples(len(models))
    found = {}
    for name, other in known.items():
        other = np.array(other)
        samples = [spearman(np.repeat(values, w), np.repeat(other, w)) for w in draws.astype(int)]
        whole = spearman(values, other)
        found[name] = number_of(whole, np.array(samples), len(models))
    return found


def matched(models: Sequence[Scored]) -> dict[str, Any]:
    """Return what better alignment gains among pairs of equal accuracy and different methods.

    A pair: accuracies within half a point, cosines whose difference has an interval above 0. The
    better aligned model's score less the other's; intervals by drawing models and images.
    """
    pool = Pool([m.entry.audit for m in models])
    cosines = [pool.columns(m.entry.audit) for m in models]
    pairs = []
    for i, a in enumerate(models):
        for j, b in enumerate(models):
            if a.entry.objective == b.entry.objective or abs(a.accuracy - b.accuracy) > EQUAL:
                continue
            if difference(mean_of(COSINE), cosines[i], cosines[j], pool.n).above(0):
                pairs.append((i, j))
    if not pairs:
        return {"pairs": 0}
    gains = {score: _gain(models, pairs, score) for score in ASKED}
    apart = np.mean([models[i].entry.cosine - models[j].entry.cosine for i, j in pairs])
    return {"pairs": len(pairs), "cosine": float(apart), "gains": gains}


def _gain(models: Sequence[Scored], pairs: list[tuple[int, int]], score: str) -> dict[str, Any]:
    table = np.stack([m.columns[score] for m in models])
    one, two = np.array(pairs).T
    gaps = table[one] - table[two]  # (pairs, n)
    drawn_models, drawn_images = resamples(len(models)), resamples(table.shape[1])
    samples = np.full(RESAMPLES, np.nan)
    for k in range(RESAMPLES):
        weights = drawn_models[k, one] * drawn_models[k, two]
        if weights.sum():
            samples[k] = weights @ gaps @ drawn_images[k] / weights.sum() / table.shape[1]
    sign = -1 if score in LOWER else 1
    better = float((sign * gaps.mean(1) > 0).mean())
    return {"gain": number_of(float(gaps.mean()), samples, table.shape[1]), "better": better}
