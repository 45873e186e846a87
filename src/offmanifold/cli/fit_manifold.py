"""`offmanifold fit-manifold`."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro

from offmanifold._core.errors import RunError
from offmanifold._core.files import write_atomically, write_json
from offmanifold._core.log import note
from offmanifold._core.statistics import estimate, mean_of, ratio_of
from offmanifold.cli.base import print_json, print_line, print_table
from offmanifold.cli.subcommands import registered
from offmanifold.data import Data
from offmanifold.data.config import DataConfig
from offmanifold.manifolds import (
    Denoiser,
    ManifoldCard,
    agreement,
    estimators,
    fit_manifold,
    halves,
    sample,
)
from offmanifold.manifolds.gates import PREFERRED
from offmanifold.reports.pictures import save_grid

SAMPLES, COLUMNS = 60, 10  # images drawn, and in a row
COMPARED = 256  # validation images on which halves are compared
AGREEMENT = {
    "projection_cosine": "cosine of projections of one vector",
    "posterior_cosine": "cosine of posterior score differences (the ceiling)",
    "denoised_gap_ratio": "‖D_a − D_b‖² ÷ ‖D_a − x‖²",
}


@dataclass(frozen=True)
class FitManifold:
    """Fit an estimate of the data manifold on the training images.

    Attributes:
        images: which images.
        seed: of weights, noise and order.
        out: folder of the manifold; by default runs/manifold-<hash>.
        device: auto, cpu, cuda or mps.
        precision: bf16, fp32, or auto: that of what lies there, else bf16 where the processor has
            it.
        halves: instead of one on all training images, fit one on either half of them, and tell how
            far the two agree: the ceiling of every alignment with the manifold.
        json: print what was found as JSON on stdout.
        estimator: which estimate.
    """

    images: Annotated[DataConfig, tyro.conf.arg(name="")] = field(default_factory=DataConfig)
    seed: int = 0
    out: Path | None = None
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    halves: bool = False
    json: bool = False
    estimator: registered(estimators) = field(default_factory=Denoiser)  # type: ignore[valid-type]

    def run(self) -> None:
        """Fit, save, and print held-out error, dimension and gates by noise level."""
        data = self.images.load()
        if self.halves:
            self._compare_halves(data)
            return
        manifold = self._fit(data, self.seed, self.out)
        card = manifold.card
        if self.json:
            print_json(card.summary())
        else:
            print_table(*_gates(card))
        if not card.usable:
            note(
                f"{card.spec} is not usable: at no σ is tr J ÷ (error/σ²) within 0.9 to 1.1, "
                "asymmetry at most 0.1 and error at most 0.9 × shrinkage's; more images, --steps "
                "or --width may help"
            )
            return
        note(
            f"at σ = {card.sigma:g}: dimension {card.dimension:.1f} (tr J), {card.rank:.1f} "
            f"directions in which the data vary more than the noise; saved in {card.spec}"
        )
        if getattr(manifold, "scores", False):
            classes = len(card.classes or ())
            y = torch.arange(SAMPLES) % classes if classes else None
            path = Path(card.spec) / "samples.png"
            write_atomically(path, lambda p: save_grid(sample(manifold, SAMPLES, y), p, COLUMNS))
            note(f"images drawn from it: {path}")

    def _fit(self, data: Data, seed: int, out: Path | None) -> Any:
        estimator: Any = self.estimator
        return fit_manifold(
            data, estimator, seed=seed, out=out, device=self.device, precision=self.precision
        )

    def _compare_halves(self, data: Data) -> None:
        """Fit on both halves; print how far they agree on validation images, and save it."""
        one, other = self._fit_halves(data)
        cards = [one.card, other.card]
        if not self.json:
            for card in cards:
                print_line(card.spec)
                print_table(*_gates(card))
        sigmas = shared_sigmas(cards)
        found = {s: _agreement(one, other, data, s) for s in sigmas}
        sigma = min(sigmas, key=lambda s: abs(s - PREFERRED))
        saved = {
            "sigma": sigma,
            "manifolds": [card.hash for card in cards],
            **found[sigma],
            "by_sigma": {f"{s:g}": numbers for s, numbers in found.items()},
        }
        for card in cards:
            write_json(Path(card.spec) / "agreement.json", saved)
        if self.json:
            print_json(saved)
        else:
            print_table(*_agreements(found, {card.sigma for card in cards}))
        for card in cards:
            if card.sigma not in sigmas:
                note(
                    f"{card.spec} judges at σ = {card.sigma:g}, at which the other half fails its "
                    "gates: the ceiling of an audit by it is not known"
                )
        note(f"saved as agreement.json in {' and '.join(card.spec for card in cards)}")

    def _fit_halves(self, data: Data) -> list[Any]:
        places = [self.out and self.out / name for name in ("first", "second")]
        pairs = zip(halves(data, self.seed), places, strict=True)
        return [self._fit(half, self.seed + i, out) for i, (half, out) in enumerate(pairs)]


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
            f"({each}); more images, --steps or --width may help"
        )
    return shared


def _agreements(
    found: Mapping[float, Mapping[str, Any]], defaults: Set[float | None]
) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of agreement by σ."""
    head = ["of the two halves", "σ per pixel", "value", "95 % interval"]
    rows = [
        [
            AGREEMENT[name],
            f"{s:g}" + (" (default)" if s in defaults else ""),
            f"{numbers[name]['value']:.3f}",
            f"{numbers[name]['low']:.3f} to {numbers[name]['high']:.3f}",
        ]
        for name in AGREEMENT
        for s, numbers in found.items()
        if name in numbers
    ]
    return head, rows


def _agreement(one: Any, other: Any, data: Data, sigma: float) -> dict[str, dict[str, Any]]:
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


def _gates(card: ManifoldCard) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of noise levels."""
    head = [
        "σ per pixel",
        "error E‖D−x‖²",
        "dimension tr J",
        "tr J ÷ (error/σ²)",
        "asymmetry",
        "error ÷ shrinkage's",
        "error ÷ Wiener's",
        "error ÷ Wiener's in hindsight",
        "usable",
    ]
    rows = [
        [
            f"{row['sigma']:g}" + (" (default)" if row["sigma"] == card.sigma else ""),
            f"{row['error']:.3f}",
            f"{row['trace']:.1f} [{row['trace_low']:.1f}, {row['trace_high']:.1f}]",
            f"{row['trace_ratio']:.3f}",
            f"{row['asymmetry']:.3f}",
            f"{row['shrinkage_ratio']:.3f}",
            *(_ratio(row, bound) for bound in ("wiener_error", "hindsight_error")),
            "yes" if row["passes"] else "no",
        ]
        for row in card.gates
    ]
    return head, rows


def _ratio(row: dict[str, float], bound: str) -> str:
    """Return the error over a bound; a dash where a card saved earlier lacks it."""
    return f"{row['error'] / row[bound]:.3f}" if bound in row else "–"
