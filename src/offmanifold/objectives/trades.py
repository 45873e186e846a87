"""Adversarial training that weighs accuracy against robustness."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import offmanifold.attacks as attacks
from offmanifold.errors import InputError
from offmanifold.freezing import frozen
from offmanifold.objectives.base import Loss, Plain, objectives
from offmanifold.precision import at_least_float32
from offmanifold.randomness import Randomness


@objectives.register("trades")
@dataclass(frozen=True)
class TRADES(Plain):
    """ℓ(f(x), y) + beta · max over ‖δ‖ ≤ eps of KL(p(x) ‖ p(x + δ)), per image.

    Zhang et al. 2019, eq. 5. The inner maximum is sought by projected gradient ascent from a random
    point of the ball, inside [0, 1], with the classifier in eval mode. Cost: steps + 3 forward
    passes, steps backward passes to the input and one through two passes to the weights.

    Attributes:
        eps: the strength, radius in the norm of each image, pixels in [0, 1].
        beta: weight of the divergence (6 in the paper).
        norm: of the ball: l2 or linf.
        steps: ascent steps of size 2.5·eps/steps, from a random start.
    """

    strength: ClassVar[str | None] = "eps"
    eps: float = 1.0
    beta: float = 6.0
    norm: str = "l2"
    steps: int = 5

    def __post_init__(self):
        self._attack()
        if not 0 < self.beta < math.inf:
            raise InputError(f"trades needs a finite beta > 0, not {self.beta}")

    def _attack(self) -> attacks.PGD:
        return attacks.PGD(eps=self.eps, norm=self.norm, steps=self.steps, keep_best=False)

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        with frozen(model), torch.no_grad():
            clean = at_least_float32(model(x)).log_softmax(1)
        moved = self._attack().maximise(
            model, x, lambda logits: divergence(clean, logits.log_softmax(1)), generator=generator
        )
        logits = at_least_float32(model(x))
        loss = F.cross_entropy(logits, y, reduction="none")
        away = divergence(logits.log_softmax(1), at_least_float32(model(moved)).log_softmax(1))
        return Loss(loss + self.beta * away, {"cross_entropy": loss, "divergence": away})


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return KL(p ‖ q) of each image, (n,), from log-probabilities (n, k)."""
    return (log_p.exp() * (log_p - log_q)).sum(1)
