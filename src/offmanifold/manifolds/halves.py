"""Two manifolds on halves of the training images, and how far they agree: a ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from offmanifold._core.errors import RunError
from offmanifold._core.files import write_json
from offmanifold._core.precision import Precision
from offmanifold._core.statistics import estimate, mean_of, ratio_of
from offmanifold.data.types import Data
from offmanifold.manifolds.agreement import agreement, halves
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.fit import Estimator, fit_manifold
from offmanifold.manifolds.gates import PREFERRED

COMPARED = 256  # validation images on which halves are compared
NAMES = ("first", "second")


@dataclass(frozen=True)
class Halves:
    """Two manifolds on disjoint halves. by_sigma: {σ at which both pass: {agreement: number}}."""

    first: Any
    second: Any
    by_sigma: dict[float, dict[str, Any]]

    @property
    def cards(self) -> tuple[ManifoldCard, ManifoldCard]:
        """What is known of each."""
        return self.first.card, self.second.card

    def json(self) -> dict[str, Any]:
        """Return agreement.json: how far they agree at the σ nearest to the preferred, and at all."""
        sigma = min(self.by_sigma, key=lambda s: abs(s - PREFERRED))
        return {
            "sigma": sigma,
            "manifolds": [card.hash for card in self.cards],
            **self.by_sigma[sigma],
            "by_sigma": {f"{s:g}": numbers for s, numbers in self.by_sigma.items()},
        }


def fit_halves(
    data: Data,
    estimator: Estimator | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> Halves:
    """Fit one manifold on either half of the training images, and save how far they agree.

    out: a folder of both, `first` and `second` in it. The rest is as in `fit_manifold`. Raises
    RunError where both pass their gates at no common σ.
    """
    first, second = (
        fit_manifold(
            half,
            estimator,
            seed=seed + i,
            out=None if out is None else Path(out) / name,
            device=device,
            precision=precision,
            show=show,
        )
        for i, (half, name) in enumerate(zip(halves(data, seed), NAMES, strict=True))
    )
    sigmas = shared_sigmas([first.card, second.card])
    found = Halves(first, second, {s: agreement_at(first, second, data, s) for s in sigmas})
    for card in found.cards:
        write_json(Path(card.spec) / "agreement.json", found.json())
    return found


def shared_sigmas(cards: Sequence[ManifoldCard]) -> list[float]:
    """Return the σ at which all of several manifolds pass their gates; raises RunError for none."""
    passing = [{row["sigma"] for row in card.gates if row["passes"]} for card in cards]
    shared = sorted(set.intersection(*passing))
    if not shared:
        each = "; ".join(
            f"{card.spec} passes at {', '.join(f'{s:g}' for s in sorted(own)) or 'none'}"
            for card, own in zip(cards, passing, strict=True)
        )
        raise RunError(
            f"at no σ do both halves pass their gates, so that no agreement can be measured "
            f"({each}); more images, `steps` or `width` may help"
        )
    return shared


def agreement_at(one: Any, other: Any, data: Data, sigma: float) -> dict[str, dict[str, Any]]:
    """Return how far two manifolds agree at one σ, over COMPARED validation images."""
    parts: dict[str, list[torch.Tensor]] = {}
    images = data.val.subset(COMPARED)
    for batch in images.batches(min(64, images.comfortable_batch)):
        for name, values in agreement(one, other, batch.x, batch.y, batch.index, sigma).items():
            parts.setdefault(name, []).append(values)
    columns = {name: torch.cat(values).double().numpy() for name, values in parts.items()}
    n = len(images)
    found = {
        name: estimate(mean_of(name), columns, n).json()
        for name in ("projection_cosine", "posterior_cosine")
        if name in columns
    }
    if "denoised_gap" in columns:
        ratio = ratio_of("denoised_gap", "denoised_error")
        found["denoised_gap_ratio"] = estimate(ratio, columns, n).json()
    return found
