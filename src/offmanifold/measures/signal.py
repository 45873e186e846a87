"""Where the true signal is known: does the classifier look at it?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Statistic, ratio_of
from offmanifold.measures.base import Curve, Measure, measures
from offmanifold.measures.directions import unit
from offmanifold.measures.probe import Probe

SIGMAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # the range of the paper
CURVE_DRAWS = 1


def signal_share(direction: Tensor, mask: Tensor) -> Tensor:
    """Return the share (n,) of a field's energy (n, c, h, w) under masks (n, 1, h, w)."""
    return (unit(direction).square() * mask).flatten(1).sum(1)


@measures.register("signal.fraction")
@dataclass(frozen=True)
class SignalFraction(Measure):
    """Share of the gradient's energy on the true signal; chance is the mask's area."""

    unit: ClassVar[str] = "share of energy"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Gradient on the true signal")
    needs: ClassVar = frozenset({"masks"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        assert probe.mask is not None
        columns = {
            self.name: signal_share(probe.gradient(), probe.mask),
            f"{self.name}/chance": probe.mask.mean((1, 2, 3)),
        }
        untrained = [signal_share(p.gradient(), probe.mask) for p in probe.untrained()]
        if untrained:
            columns[f"{self.name}/untrained"] = torch.stack(untrained).mean(0)
        return columns


def _column(side: str, sigma: float | None) -> str:
    return f"signal.noise_{side}" + ("" if sigma is None else f"@{sigma:g}")


@measures.register("signal.noise_ratio")
@dataclass(frozen=True)
class SignalNoiseRatio(Measure):
    """Mean ‖Δp‖₁ under noise on the signal ÷ under the same noise on the rest (the distractor).

    At the manifold's σ, and as a curve over σ (a standard deviation per pixel). The paper, Fig. 5.
    """

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Change by noise on the signal ÷ on the distractor")
    needs: ClassVar = frozenset({"masks"})
    cost: ClassVar[float] = 28

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        assert probe.mask is not None
        settings = probe.scene.settings
        result: dict[str, Tensor] = {}
        for sigma in (None, *SIGMAS):
            level = settings.sigma if sigma is None else sigma
            draws = settings.draws if sigma is None else CURVE_DRAWS
            for side, where in (("signal", probe.mask), ("distractor", 1 - probe.mask)):
                moved = [
                    probe.change(level * probe.scene.noise("manifold", draw) * where)
                    for draw in range(draws)
                ]
                l1 = torch.stack([m.abs().sum(1) for m in moved]).mean(0)
                result[_column(side, sigma)] = l1
        return result

    @property
    def statistic(self) -> Statistic:
        return ratio_of(_column("signal", None), _column("distractor", None), least=1e-6)

    def curves(self, step: float) -> dict[str, Curve]:
        return {
            self.name: Curve(
                x=SIGMAS,
                x_unit="σ of the noise per pixel, pixels in [0, 1]",
                columns=tuple(_column("signal", s) for s in SIGMAS),
                under=tuple(_column("distractor", s) for s in SIGMAS),
                title=self.title,
            )
        }
