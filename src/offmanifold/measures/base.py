"""The contract of a measure, and the vocabulary of them."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from offmanifold._core.registry import Registry
from offmanifold._core.statistics import (
    Columns,
    Number,
    Statistic,
    estimate,
    mean_of,
    paired,
    proportion,
    ratio_of,
)
from offmanifold.measures.probe import Probe


@dataclass(frozen=True)
class Curve:
    """Means along an axis: of `columns`, one a point, or ratios to the means of `under`."""

    x: tuple[float, ...]
    x_unit: str
    columns: tuple[str, ...]
    title: str
    under: tuple[str, ...] | None = None

    def reduce(self, columns: Columns, n: int) -> dict[str, Any]:
        """Return the curve of `audit.json`."""
        statistics = (
            [mean_of(c) for c in self.columns]
            if self.under is None
            else [ratio_of(a, b, least=1e-6) for a, b in zip(self.columns, self.under, strict=True)]
        )
        return {
            "x": list(self.x),
            "x_unit": self.x_unit,
            "title": self.title,
            "points": [estimate(s, columns, n).json() for s in statistics],
        }


class Measure:
    """A number of an audit: columns an image, and how they are reduced.

    A subclass is a registered frozen dataclass that sets the names below and `columns`. Column
    `name` is the value of each image, `name/control` that of a control, `name/chance` what chance
    gives, `name/ceiling` what the estimate allows at most, `name/is_zero` 1 where a gradient had no
    direction to go by. cost: forward-equivalents of the classifier an image. shares: what they are
    spent on where other measures use it too: `passes` counts it once. needs: a subset of
    {"labels", "masks", "manifold", "score", "posterior", "pooling", "thorough", "explain",
    "own_gradient", "certify", "second", "half_sigma", "double_sigma", "lpips"}. better: "higher",
    "lower" or None. method: "bootstrap" or "wilson" (of a column of zeros and ones). follows: it
    follows the classifier's gradients to what it tells, and tells nothing where there are none.
    """

    name: ClassVar[str]
    unit: ClassVar[str] = ""
    better: ClassVar[str | None] = None
    title: ClassVar[str]
    needs: ClassVar[Set[str]] = frozenset()
    cost: ClassVar[float] = 0.0
    shares: ClassVar[str | None] = None
    method: ClassVar[str] = "bootstrap"
    follows: ClassVar[bool] = False

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        """Return {column: (n,)} for a batch; a column (n, k) is reduced but not saved."""
        raise NotImplementedError

    @property
    def statistic(self) -> Statistic:
        """The statistic of the columns: their mean unless a measure says otherwise."""
        return mean_of(self.name)

    def number(self, columns: Columns, n: int) -> Number:
        """Return the value with its interval."""
        if self.method == "wilson":
            return proportion(float(columns[self.name].sum()), n, unit=self.unit)
        return estimate(self.statistic, columns, n, unit=self.unit)

    def curves(self, step: float) -> dict[str, Curve]:
        """Return the curves that the columns hold, by name; step: the reference step."""
        return {}

    def reduce(self, columns: Columns, n: int) -> dict[str, Any]:
        """Return the number of `audit.json`, with its chance and controls where there are any."""
        saved = {
            **self.number(columns, n).json(),
            "title": self.title,
            "better": self.better,
        }
        controls = {
            key.removeprefix(f"{self.name}/"): values
            for key, values in columns.items()
            if key.startswith(f"{self.name}/")
        }
        chance, is_zero = controls.pop("chance", None), controls.pop("is_zero", None)
        ceiling = controls.pop("ceiling", None)
        if chance is not None:
            saved["chance"] = float(np.mean(chance))
        if is_zero is not None:
            saved["zero_gradients"] = int(is_zero.sum())
        if ceiling is not None:
            saved["ceiling"] = estimate(mean_of("ceiling"), {"ceiling": ceiling}, n).json()
        if controls:
            saved |= compare_with_controls(columns[self.name], controls)
        return saved


def passes(running: Sequence[Measure]) -> float:
    """Return the forward-equivalents an image that measures cost together."""
    once: dict[str, float] = {}
    for m in running:
        if m.shares is not None:
            once[m.shares] = max(m.cost, once.get(m.shares, 0.0))
    return sum(m.cost for m in running if m.shares is None) + sum(once.values())


def compare_with_controls(values: np.ndarray, controls: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return each control's number, and the paired difference, z and effect to the best of them."""
    numbers = {
        name: estimate(mean_of(name), {name: column}, len(column))
        for name, column in controls.items()
    }
    best = max(controls, key=lambda name: float(np.mean(controls[name])))
    gap, z, effect = paired(values, controls[best])
    return {
        "controls": {name: number.json() for name, number in numbers.items()},
        "difference": {**gap.json(), "against": best},
        "z": z,
        "effect": effect,
    }


measures: Registry[Measure] = Registry("measure", plugins="measures")
