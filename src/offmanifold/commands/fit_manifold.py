"""`offmanifold fit-manifold`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold.commands.base import Images, print_json, print_table
from offmanifold.commands.subcommands import registered
from offmanifold.manifold import Denoiser, estimators, fit_manifold
from offmanifold.progress import note


@dataclass(frozen=True)
class FitManifold:
    """Fit an estimate of the data manifold on the training images.

    Attributes:
        images: which images.
        seed: of weights, noise and order.
        out: folder of the manifold; by default runs/manifold-<hash>.
        device: auto, cpu, cuda or mps.
        precision: bf16, fp32, or auto: bf16 where it is faster here.
        json: print what was found as JSON on stdout.
        estimator: which estimate.
    """

    images: Annotated[Images, tyro.conf.arg(name="")] = field(default_factory=Images)
    seed: int = 0
    out: Path | None = None
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    json: bool = False
    estimator: registered(estimators) = field(default_factory=Denoiser)  # type: ignore[valid-type]

    def run(self) -> None:
        """Fit, save, and print held-out error, dimension and gates by noise level."""
        estimator: Any = self.estimator
        manifold = fit_manifold(
            self.images.load(),
            estimator,
            seed=self.seed,
            out=self.out,
            device=self.device,
            precision=self.precision,
        )
        card = manifold.card
        if self.json:
            print_json(card.summary())
        else:
            print_table(
                [
                    "σ per pixel",
                    "error E‖D−x‖²",
                    "dimension tr J",
                    "tr J ÷ (error/σ²)",
                    "asymmetry",
                    "error ÷ shrinkage's",
                    "error ÷ Wiener's",
                    "usable",
                ],
                [
                    [
                        f"{row['sigma']:g}" + (" (default)" if row["sigma"] == card.sigma else ""),
                        f"{row['error']:.3f}",
                        f"{row['trace']:.1f} [{row['trace_low']:.1f}, {row['trace_high']:.1f}]",
                        f"{row['trace_ratio']:.3f}",
                        f"{row['asymmetry']:.3f}",
                        f"{row['shrinkage_ratio']:.3f}",
                        f"{row['error'] / row['wiener_error']:.3f}",
                        "yes" if row["passes"] else "no",
                    ]
                    for row in card.gates
                ],
            )
        if card.usable:
            note(
                f"at σ = {card.sigma:g}: dimension {card.dimension:.1f} (tr J), {card.rank:.1f} "
                f"directions in which the data vary more than the noise; saved in {card.spec}"
            )
        else:
            note(
                f"{card.spec} is not usable: at no σ is tr J ÷ (error/σ²) within 0.9 to 1.1, "
                "asymmetry at most 0.1 and error at most 0.9 × shrinkage's; more images, --steps "
                "or --width may help"
            )
