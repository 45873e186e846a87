"""Where the true signal is known: does the gradient's largest pixel lie on it?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import is_zero, pixel_energy
from offmanifold.measures.probe import Probe


def hits(field: Tensor, mask: Tensor) -> Tensor:
    """Return (n,) whether the pixel of most energy of a field (n, c, h, w) is on (n, 1, h, w).

    A field that is zero or not finite misses; of equal pixels the first counts.
    """
    largest = pixel_energy(field).flatten(1).argmax(1, keepdim=True)
    on = mask.flatten(1).gather(1, largest)[:, 0] > 0
    return on & ~is_zero(field)


@measures.register("signal.pointing")
@dataclass(frozen=True)
class SignalPointing(Measure):
    """Share of images whose largest gradient pixel is on the true signal; chance is its area.

    The pointing game of Zhang et al. 2016, without their tolerance of 15 pixels. Control: the same
    network with shuffled weights (mean of 3).
    """

    unit: ClassVar[str] = "share"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Largest gradient pixel on the true signal")
    needs: ClassVar = frozenset({"masks"})
    method: ClassVar[str] = "wilson"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        assert probe.mask is not None
        columns = {
            self.name: hits(probe.gradient(), probe.mask).float(),
            f"{self.name}/chance": probe.mask.mean((1, 2, 3)),
        }
        untrained = [hits(p.gradient(), probe.mask).float() for p in probe.untrained()]
        if untrained:
            columns[f"{self.name}/untrained"] = torch.stack(untrained).mean(0)
        return columns
