"""Does the classifier's output depend on the image at all?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Columns, Number, largest_deviation
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.probe import Probe


@measures.register("output.spread")
@dataclass(frozen=True)
class Spread(Measure):
    """Largest over classes of the standard deviation over images of p_c at the fitted
    temperature; near 0: collapsed."""

    title: ClassVar[str] = N_("Spread of the output over images")

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: probe.probabilities}

    def number(self, columns: Columns, n: int) -> Number:
        """Return the largest deviation; a bootstrap of it would leave it outside its interval."""
        return largest_deviation(columns[self.name], unit=self.unit)
