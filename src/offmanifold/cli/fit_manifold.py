"""`offmanifold fit-manifold`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold.cli.base import print_json
from offmanifold.cli.subcommands import registered
from offmanifold.cli.tell_manifold import tell_halves, tell_manifold
from offmanifold.data.config import DataConfig
from offmanifold.manifolds import Denoiser, estimators, fit_manifold
from offmanifold.manifolds.halves import fit_halves


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
        data, estimator = self.images.load(), self.estimator
        settings: Any = {"seed": self.seed, "out": self.out, "device": self.device}
        settings["precision"] = self.precision
        if self.halves:
            found = fit_halves(data, estimator, **settings)  # type: ignore[arg-type]
            if self.json:
                print_json(found.json())
            tell_halves(found, tables=not self.json)
            return
        manifold = fit_manifold(data, estimator, **settings)  # type: ignore[arg-type]
        if self.json:
            print_json(manifold.card.summary())
        tell_manifold(manifold, table=not self.json)
