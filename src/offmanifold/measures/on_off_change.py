"""How far the output moves for a step of one length along the manifold, and off it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Statistic, ratio_of
from offmanifold.measures.base import Curve, Measure, measures
from offmanifold.measures.directions import unit
from offmanifold.measures.probe import Probe

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)
LEAST_CHANGE = 1e-6
SIDES = ("on", "off")


def column(side: str, multiple: float = 1.0, norm: str = "") -> str:
    """Return the column of a side's change at a multiple of the reference step."""
    at = "" if multiple == 1 else f"@{multiple:g}"
    return f"robustness.{side}_change{norm}{at}"


def output_changes(probe: Probe, side: str, multiples: Sequence[float]) -> Tensor:
    """Return p(x + εv) − p(x) for unit v of a side: (len(multiples), directions, n, k).

    ε is the reference step times each of the multiples; perturbed images are not clipped.
    """
    settings, which = probe.scene.settings, SIDES.index(side)
    draws = range(settings.directions)
    directions = [unit(probe.scene.split_noise(draw)[which]) for draw in draws]
    return torch.stack(
        [
            torch.stack([probe.change(multiple * settings.reference_step * v) for v in directions])
            for multiple in multiples
        ]
    )


def changes(probe: Probe) -> dict[str, Tensor]:
    """Return ‖p(x + εv) − p(x)‖ (n,), mean over unit directions v of each side, L1 and l2."""

    def compute() -> dict[str, Tensor]:
        result: dict[str, Tensor] = {}
        for side in SIDES:
            moved = output_changes(probe, side, MULTIPLES)
            for multiple, at in zip(MULTIPLES, moved, strict=True):
                result[column(side, multiple)] = at.abs().sum(2).mean(0)
            at = moved[MULTIPLES.index(1.0)]
            result[column(side, norm="_l2")] = at.norm(dim=2).mean(0)
        return result

    return probe.memo.once("changes", compute)


class _Change(Measure):
    needs: ClassVar = frozenset({"manifold"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return changes(probe)


def _curve(side: str, title: str, step: float) -> Curve:
    return Curve(
        x=tuple(m * step for m in MULTIPLES),
        x_unit="l2 norm of the step, pixels in [0, 1]",
        columns=tuple(column(side, m) for m in MULTIPLES),
        title=title,
    )


@measures.register("robustness.on_change")
@dataclass(frozen=True)
class OnChange(_Change):
    """Mean ‖Δp‖₁ for a step of the reference length along the manifold."""

    unit: ClassVar[str] = "L1 of softmax"
    title: ClassVar[str] = N_("Change for a step along the manifold")
    cost: ClassVar[float] = 20

    def curves(self, step: float) -> dict[str, Curve]:
        return {"robustness.on": _curve("on", self.title, step)}


@measures.register("robustness.off_change")
@dataclass(frozen=True)
class OffChange(_Change):
    """Mean ‖Δp‖₁ for a step of the reference length off the manifold."""

    unit: ClassVar[str] = "L1 of softmax"
    better: ClassVar[str | None] = "lower"
    title: ClassVar[str] = N_("Change for a step off the manifold")

    def curves(self, step: float) -> dict[str, Curve]:
        return {"robustness.off": _curve("off", self.title, step)}


@measures.register("robustness.change_ratio")
@dataclass(frozen=True)
class ChangeRatio(_Change):
    """Mean change on ÷ mean change off at the reference step; null where off ≤ 1e-6.

    Unit directions are chance-normalised: for small steps the ratio goes as √((d−k)/(k ρ_rel)).
    """

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Change along ÷ off the manifold")

    @property
    def statistic(self) -> Statistic:
        return ratio_of(column("on"), column("off"), least=LEAST_CHANGE)


@measures.register("robustness.on_change_l2")
@dataclass(frozen=True)
class OnChangeL2(_Change):
    """Mean ‖Δp‖₂ for a step of the reference length along the manifold."""

    unit: ClassVar[str] = "l2 of softmax"
    title: ClassVar[str] = N_("Change for a step along the manifold, l2")


@measures.register("robustness.off_change_l2")
@dataclass(frozen=True)
class OffChangeL2(_Change):
    """Mean ‖Δp‖₂ for a step of the reference length off the manifold."""

    unit: ClassVar[str] = "l2 of softmax"
    better: ClassVar[str | None] = "lower"
    title: ClassVar[str] = N_("Change for a step off the manifold, l2")


@measures.register("robustness.change_ratio_l2")
@dataclass(frozen=True)
class ChangeRatioL2(_Change):
    """The ratio of the l2 changes; null where off ≤ 1e-6."""

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Change along ÷ off the manifold, l2")

    @property
    def statistic(self) -> Statistic:
        return ratio_of(column("on", norm="_l2"), column("off", norm="_l2"), least=LEAST_CHANGE)
