"""Does the classifier's output depend on the image at all?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from offmanifold.measures.base import Measure, measures
from offmanifold.measures.statistics import Columns, Statistic
from offmanifold.probe import Probe


@measures.register("output.spread")
@dataclass(frozen=True)
class Spread(Measure):
    """Largest over classes of the standard deviation over images of p_c at the fitted
    temperature; near 0: collapsed."""

    title: ClassVar[str] = "Spread of the output over images"
    title_ja: ClassVar[str] = "画像間での出力のばらつき"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: probe.probabilities}

    @property
    def statistic(self) -> Statistic:
        def spread(columns: Columns, weights: np.ndarray) -> np.ndarray:
            p, total = columns[self.name].astype(np.float64), weights.sum(1, keepdims=True)
            mean, square = weights @ p / total, weights @ p**2 / total
            return np.sqrt(np.maximum(square - mean**2, 0)).max(1)

        return spread
