"""Accuracy under an l2 attack: an upper bound of what no attack could break."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.precision import region
from offmanifold._core.randomness import ImageNoise
from offmanifold._core.reasons import N_
from offmanifold.attacks import PGD
from offmanifold.measures.accuracy import correct
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.probe import Probe


@measures.register("accuracy.pgd_l2")
@dataclass(frozen=True)
class RobustAccuracy(Measure):
    """Share of images classified right both as they are and after PGD in an l2 ball of eps.

    eps (an l2 norm per image) and steps are the audit's settings. Madry et al. 2018.
    """

    unit: ClassVar[str] = "share"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Accuracy under attack (PGD, l2)")
    needs: ClassVar = frozenset({"labels"})
    cost: ClassVar[float] = 22
    method: ClassVar[str] = "wilson"
    follows: ClassVar[bool] = True

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        settings = probe.scene.settings
        attack = PGD(eps=settings.eps, steps=settings.attack_steps)
        noise = ImageNoise(probe.index, seed=settings.seed, name="pgd")
        with region(probe.x.device, settings.precision):
            moved = attack(probe.calibrated, probe.x, probe.y, generator=noise)
        survived = correct(probe.classify(moved), probe.y)
        return {self.name: survived * correct(probe.logits, probe.y)}
