"""Adversarial training that weighs accuracy against robustness."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import offmanifold.attacks as attacks
from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness
from offmanifold.models.scalars import cross_entropy, log_odds, others
from offmanifold.objectives.base import Loss, Plain, objectives


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
            clean = at_least_float32(model(x))
        moved = self._attack().maximise(
            model,
            x,
            lambda logits: (pull(clean, logits.detach()) * logits).sum(1),
            generator=generator,
        )
        logits = at_least_float32(model(x))
        loss = cross_entropy(logits, y)
        away = divergence(logits, at_least_float32(model(moved)))
        return Loss(loss + self.beta * away, {"cross_entropy": loss, "divergence": away})


def divergence(f: Tensor, g: Tensor) -> Tensor:
    """Return KL(softmax f ‖ softmax g) of each image, (n,), from logits (n, k).

    The likeliest class y of f is held against the rest, KL(p_y ‖ q_y) of two outcomes by their
    log-odds, and the rest among themselves: Σ_c p_c (log p_c − log q_c) as it stands loses the
    direction of its gradient in float32 where p_y rounds to 1.
    """
    y = f.argmax(1)
    a, b = log_odds(f, y), log_odds(g, y)
    of_two = a.sigmoid() * (F.logsigmoid(a) - F.logsigmoid(b))
    of_two = of_two + (-a).sigmoid() * (F.logsigmoid(-a) - F.logsigmoid(-b))
    rest, log_r = others(f, y).softmax(1), _finite(others(f, y).log_softmax(1), y)
    log_s = _finite(others(g, y).log_softmax(1), y)
    return of_two + (-a).sigmoid() * (rest * (log_r - log_s)).sum(1)


def pull(f: Tensor, g: Tensor) -> Tensor:
    """Return the direction in which logits g (n, k) raise KL(softmax f ‖ softmax g): q − p over its
    largest entry but that of the likeliest class y of f, of which the others' sum is the negative.

    From logarithms, since in float32 the entries themselves may all round to 0.
    """
    y = f.argmax(1, keepdim=True)
    log_p, log_q = (v.log_softmax(1).scatter(1, y, -torch.inf) for v in (f, g))
    largest = torch.maximum(log_p, log_q).amax(1, keepdim=True)
    rest = (log_q - largest).exp() - (log_p - largest).exp()
    return rest.scatter(1, y, -rest.sum(1, keepdim=True))


def _finite(log_p: Tensor, y: Tensor) -> Tensor:
    """Return log-probabilities with 0 in the place of the label's, which is −∞."""
    return log_p.masked_fill(F.one_hot(y, log_p.shape[1]).bool(), 0.0)
