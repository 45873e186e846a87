"""Accuracy under an ensemble of attacks, and signs that gradients are masked."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from offmanifold._core.randomness import ImageNoise
from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Columns
from offmanifold.attacks import Signs, Survival, masked, masking_signs, robust_accuracy
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.probe import Probe

SIGNS = tuple(field.name for field in fields(Signs))


@measures.register("accuracy.ensemble_l2")
@dataclass(frozen=True)
class EnsembleAccuracy(Measure):
    """Share of images that APGD, targeted APGD and Square together leave right, in l2.

    In the manner of AutoAttack (Croce & Hein 2020), at the audit's eps, inside [0, 1]: an upper
    bound of what no attack could break. `attacks` holds the share left after each attack, `signs`
    the shares of images that speak for masked gradients (Athalye et al. 2018), `masked` the names
    of those above one point. Asked for with `thorough`: up to 7,000 passes an image.
    """

    unit: ClassVar[str] = "share"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Accuracy under an ensemble of attacks (l2)")
    needs: ClassVar = frozenset({"labels", "thorough"})
    cost: ClassVar[float] = 7000
    method: ClassVar[str] = "wilson"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        settings = probe.scene.settings
        eps, seed, precision = settings.eps, settings.seed, settings.precision

        def noise(name: str) -> ImageNoise:
            return ImageNoise(probe.index, seed=seed, name=name)

        model, x, y = probe.calibrated, probe.x, probe.y
        found: Survival = robust_accuracy(
            model, x, y, eps, generator=noise("ensemble"), precision=precision
        )
        signs: Signs = masking_signs(
            model, x, y, eps, survival=found, generator=noise("masking"), precision=precision
        )
        result = {self.name: found.robust}
        result |= {f"{self.name}@{attack}": left for attack, left in found.left.items()}
        result |= {f"{self.name}@{sign}": getattr(signs, sign) for sign in SIGNS}
        return {name: column.to(torch.float32) for name, column in result.items()}

    def reduce(self, columns: Columns, n: int) -> dict[str, Any]:
        shares = {
            key.partition("@")[2]: float(values.mean()) if n else None
            for key, values in columns.items()
            if key.startswith(f"{self.name}@")
        }
        signs = {name: shares.pop(name) for name in SIGNS}
        known = {name: share for name, share in signs.items() if share is not None}
        return {
            **super().reduce(columns, n),
            "attacks": shares,
            "signs": signs,
            "masked": masked(known),
        }
