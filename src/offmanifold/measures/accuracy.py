"""Accuracy on clean images."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.probe import Probe
from offmanifold.models.scalars import decided


def correct(logits: Tensor, y: Tensor) -> Tensor:
    """Return (n,) 1 where the largest logit is the label's; not a number is wrong."""
    return ((logits.argmax(1) == y) & decided(logits)).float()


@measures.register("accuracy.clean")
@dataclass(frozen=True)
class Accuracy(Measure):
    """Share of images whose label has the largest logit, with Wilson's interval."""

    unit: ClassVar[str] = "share"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Accuracy")
    needs: ClassVar = frozenset({"labels"})
    cost: ClassVar[float] = 1
    method: ClassVar[str] = "wilson"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: correct(probe.logits, probe.y)}
