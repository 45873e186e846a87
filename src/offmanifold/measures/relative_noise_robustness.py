"""Relative noise robustness ρ: does noise off the manifold move the output less than on it?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Statistic, ratio_of
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.probe import Probe

ON, OFF, TOTAL = "robustness.noise_on", "robustness.noise_off", "robustness.noise_total"


def noise_responses(probe: Probe) -> dict[str, Tensor]:
    """Return E‖p(x+u) − p(x)‖² for u = σPz, σ(I−P)z and σz, each (n,), mean over draws of z."""

    def compute() -> dict[str, Tensor]:
        settings = probe.scene.settings
        sums: dict[str, Tensor] = {}
        for draw in range(settings.draws):
            on, off = probe.scene.split_noise(draw)
            for name, u in ((ON, on), (OFF, off), (TOTAL, on + off)):
                energy = probe.change(settings.sigma * u).square().sum(1)
                sums[name] = sums.get(name, torch.zeros_like(energy)) + energy
        return {name: total / settings.draws for name, total in sums.items()}

    return probe.memo.once("noise_responses", compute)


class _Rho(Measure):
    """Shared by the three ways of writing ρ: ratios of dataset means."""

    better: ClassVar[str | None] = "lower"
    needs: ClassVar = frozenset({"manifold"})
    over: ClassVar[str] = OFF
    under: ClassVar[str] = ON
    part_of_sum: ClassVar[bool] = False

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return noise_responses(probe)

    @property
    def statistic(self) -> Statistic:
        return ratio_of(self.over, self.under, part_of_sum=self.part_of_sum)


@measures.register("robustness.rho_relative")
@dataclass(frozen=True)
class RhoRelative(_Rho):
    """ρ_rel = E_off‖Δp‖² / E_on‖Δp‖², Gaussian noise of the manifold's σ split by the projector."""

    title: ClassVar[str] = N_("Noise robustness, off ÷ on the manifold")
    cost: ClassVar[float] = 12


@measures.register("robustness.rho_total")
@dataclass(frozen=True)
class RhoTotal(_Rho):
    """ρ_tot = off / (on + off) = ρ_rel / (1 + ρ_rel)."""

    title: ClassVar[str] = N_("Noise robustness, off ÷ (on + off)")
    part_of_sum: ClassVar[bool] = True


@measures.register("robustness.rho_paper")
@dataclass(frozen=True)
class RhoPaper(_Rho):
    """E_off‖Δp‖² / E‖Δp‖² under the whole noise: off/total as the paper writes it."""

    title: ClassVar[str] = N_("Noise robustness, off ÷ all noise (paper)")
    under: ClassVar[str] = TOTAL
