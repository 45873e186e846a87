"""Adversarial training."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

import offmanifold.attacks as attacks
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness
from offmanifold.models.scalars import cross_entropy
from offmanifold.objectives.base import Loss, Plain, objectives


@objectives.register("pgd")
@dataclass(frozen=True)
class PGD(Plain):
    """max over ‖δ‖ ≤ eps of ℓ(f(x + δ), y), by projected gradient ascent (Madry et al. 2018).

    Images stay in [0, 1]. Cost: steps + 1 forward passes, steps backward passes to the input and
    one to the weights.

    Attributes:
        eps: the strength, radius in the norm of each image, pixels in [0, 1].
        norm: of the ball; l2 or linf.
        steps: ascent steps of size 2.5·eps/steps, from a random start.
    """

    strength: ClassVar[str | None] = "eps"
    eps: float = 1.0
    norm: str = "l2"
    steps: int = 5

    def __post_init__(self):
        self._attack()

    def _attack(self) -> attacks.PGD:
        return attacks.PGD(eps=self.eps, norm=self.norm, steps=self.steps, keep_best=False)

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        moved = self._attack()(model, x, y, generator=generator)
        return Loss(cross_entropy(at_least_float32(model(moved)), y))
