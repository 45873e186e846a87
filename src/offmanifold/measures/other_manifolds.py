"""The same fraction under other manifolds: a second estimate, and two that know no image.

A ranking of models that the fakes share is no evidence for the data manifold; one that a second
estimate shares is.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import unit
from offmanifold.measures.probe import Probe


@measures.register("alignment.on_manifold_fraction_second")
@dataclass(frozen=True)
class OnManifoldFractionSecond(Measure):
    """gᵀJ̄g / ‖g‖² with the J̄ of the second manifold, at its own σ; chance its tr J / d."""

    unit: ClassVar[str] = "share of energy"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Gradient on the data manifold, by the second estimate")
    needs: ClassVar = frozenset({"manifold", "second"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene = probe.scene
        m, x, index = scene.second, scene.x, scene.batch.index
        dimension = scene.memo.once("second", lambda: m.dimension(x, index=index))
        return {
            self.name: m.energy(x, unit(probe.gradient()), m.card.sigma, index=index),
            f"{self.name}/chance": dimension / x[0].numel(),
        }


class FakeFraction(Measure):
    """‖Qg‖² / ‖g‖² for a subspace Q of the manifold's dimension that is the same for all images."""

    unit: ClassVar[str] = "share of energy"
    needs: ClassVar = frozenset({"manifold"})
    fake: ClassVar[str]

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        rows = probe.scene.fakes[self.fake]
        return {
            self.name: probe.scene.fake_energy(self.fake, unit(probe.gradient())),
            f"{self.name}/chance": torch.full((len(probe.x),), len(rows) / probe.x[0].numel()),
        }


@measures.register("alignment.fraction_low_pass")
@dataclass(frozen=True)
class LowPassFraction(FakeFraction):
    """Q the lowest frequencies of the cosine transform: a fake manifold."""

    title: ClassVar[str] = N_("Gradient in a fake manifold: low frequencies")
    fake: ClassVar[str] = "low_pass"


@measures.register("alignment.fraction_global_pca")
@dataclass(frozen=True)
class GlobalPcaFraction(FakeFraction):
    """Q the first principal components of the training images: a fake manifold."""

    title: ClassVar[str] = N_("Gradient in a fake manifold: global principal components")
    fake: ClassVar[str] = "global_pca"
