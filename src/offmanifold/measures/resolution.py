"""Alignment without the sign, and at coarser resolutions: where do gradient and score agree?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.manifolds.pooled import Blocks
from offmanifold.measures.alignment import Posterior
from offmanifold.measures.base import Curve, measures
from offmanifold.measures.directions import cosine, unit
from offmanifold.measures.probe import Probe, Scene

SIDES = (1, 2, 4, 8)  # of the blocks averaged over
COARSE = 2


def magnitude_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return Pearson's correlation over pixels of the norms over channels of two fields, (n,)."""

    def centred(v: Tensor) -> Tensor:
        norms = unit(v).norm(dim=1)
        return norms - norms.mean((1, 2), keepdim=True)

    return cosine(centred(a), centred(b))


@measures.register("alignment.magnitude_posterior")
@dataclass(frozen=True)
class MagnitudePosterior(Posterior):
    """Correlation over pixels of ‖∇log p(y|x)‖ and ‖T‖, the norms over channels: sign-free."""

    title: ClassVar[str] = N_("Correlation of magnitudes with the posterior score")

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        return magnitude_correlation(a, b)


def coarse_cosine(a: Tensor, b: Tensor, side: int) -> Tensor:
    """Return the cosine of two fields (n, c, h, w) averaged over blocks of a side, (n,)."""
    c, h, w = a.shape[1:]
    blocks = Blocks((c, h, w), min(side, h, w))
    return cosine(blocks.down(a), blocks.down(b))


def _column(side: int) -> str:
    return f"alignment.cosine_posterior_coarse@{side}"


@measures.register("alignment.cosine_posterior_coarse")
@dataclass(frozen=True)
class CosinePosteriorCoarse(Posterior):
    """The cosine to the posterior score, both averaged over 2×2 pixels; a curve over sides."""

    title: ClassVar[str] = N_("Cosine to the posterior score over 2×2 pixels")

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        return coarse_cosine(a, b, COARSE)

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        gradient, target = probe.gradient(), self.target(probe.scene)
        curve = {_column(side): coarse_cosine(gradient, target, side) for side in SIDES}
        return {**super().columns(probe), **curve}

    def curves(self, step: float) -> dict[str, Curve]:
        return {
            self.name: Curve(
                x=tuple(float(side) for side in SIDES),
                x_unit="side of the blocks averaged over, pixels",
                columns=tuple(_column(side) for side in SIDES),
                title=N_("Cosine to the posterior score by resolution"),
            )
        }
