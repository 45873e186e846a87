"""How much of the gradient's energy lies on the data manifold."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.manifolds.pooled import Pooled
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import is_zero, spectrum_noise, unit
from offmanifold.measures.probe import Probe


@measures.register("alignment.on_manifold_fraction")
@dataclass(frozen=True)
class OnManifoldFraction(Measure):
    """gᵀJ̄g / ‖g‖², J̄ the symmetric denoiser Jacobian at noisy points; never clipped.

    Chance is tr J / d. Controls under the same J̄: white noise, noise with the image's own amplitude
    spectrum, the gradient of the same network with shuffled weights (mean of 3) and of one trained
    on permuted labels, and the gradient itself under the J̄ of an image of another class.
    """

    unit: ClassVar[str] = "share of energy"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Gradient on the data manifold")
    needs: ClassVar = frozenset({"manifold"})
    cost: ClassVar[float] = 8
    shares: ClassVar[str | None] = "audited gradient"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene = probe.scene

        def shared() -> dict[str, Tensor]:
            white = scene.noise("white")
            fields = torch.stack([unit(white), unit(spectrum_noise(scene.x, white))])
            white_energy, spectrum_energy = scene.energy(fields)
            return {
                "chance": scene.dimension / scene.x[0].numel(),
                "white_noise": white_energy,
                "spectrum_noise": spectrum_energy,
            }

        gradient = unit(probe.gradient())
        networks = probe.controls()
        theirs = [unit(p.gradient()) for group in networks.values() for p in group]
        own, *others = scene.energy(torch.stack([gradient, *theirs]))
        controls = dict(scene.memo.once(self.name, shared))
        controls["wrong_image"] = scene.energy(gradient, at=scene.partner)
        for name, group in networks.items():
            controls[name] = torch.stack(others[: len(group)]).mean(0)
            del others[: len(group)]
        return {
            self.name: own,
            **{f"{self.name}/{control}": values for control, values in controls.items()},
            f"{self.name}/is_zero": is_zero(probe.gradient()).float(),
        }


def hard_energy(probe: Probe) -> Tensor:
    """Return ‖Pg‖² / ‖g‖² (n,), P the hard projector."""
    return probe.scene.coordinates(unit(probe.gradient())).square().sum(1)


def hard_chance(probe: Probe) -> Tensor:
    """Return k̂ / d, (n,)."""
    return torch.full((len(probe.x),), probe.scene.basis.shape[1] / probe.x[0].numel())


@measures.register("alignment.on_manifold_fraction_hard")
@dataclass(frozen=True)
class OnManifoldFractionHard(Measure):
    """‖Pg‖² / ‖g‖², P the projector on the top k̂ = round(tr J) eigenvectors of J̄; chance k̂/d."""

    unit: ClassVar[str] = "share of energy"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Gradient in the tangent space (hard projector)")
    needs: ClassVar = frozenset({"manifold"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: hard_energy(probe), f"{self.name}/chance": hard_chance(probe)}


@measures.register("alignment.projected_norm")
@dataclass(frozen=True)
class ProjectedNorm(Measure):
    """‖Pg‖ / ‖g‖, the alignment score AS of Bordt et al. 2023; chance about √(k̂/d)."""

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Norm of the projected gradient (AS)")
    needs: ClassVar = frozenset({"manifold"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {
            self.name: hard_energy(probe).sqrt(),
            f"{self.name}/chance": hard_chance(probe).sqrt(),
        }


@measures.register("alignment.unresolved_fraction")
@dataclass(frozen=True)
class UnresolvedFraction(Measure):
    """Share of the gradient's energy finer than the blocks of a pooled manifold; never off."""

    unit: ClassVar[str] = "share of energy"
    title: ClassVar[str] = N_("Gradient finer than the manifold resolves")
    needs: ClassVar = frozenset({"manifold", "pooling"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        manifold = probe.scene.manifold
        assert isinstance(manifold, Pooled)
        left = manifold.unresolved(unit(probe.gradient()))
        return {self.name: left.flatten(1).square().sum(1)}
