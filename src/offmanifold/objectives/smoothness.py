"""A penalty on how far logits move under noise."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import LayerNoise, Randomness, normal_like
from offmanifold.models.scalars import cross_entropy
from offmanifold.objectives.base import Loss, Plain, objectives


@objectives.register("smoothness")
@dataclass(frozen=True)
class Smoothness(Plain):
    """ℓ(f(x), y) + weight · ‖f(x) − f(x + σz)‖₂² on logits, z ~ N(0, I), per image.

    The smoothness penalty of Srinivas et al. 2023; for small σ its mean is weight · σ²‖∂f/∂x‖_F².
    x + σz is not clipped. Cost: two forward passes and one backward pass through both.

    Attributes:
        weight: the strength, per squared logit.
        sigma: standard deviation of the noise per pixel in [0, 1] units.
    """

    strength: ClassVar[str | None] = "weight"
    weight: float = 1.0
    sigma: float = 0.1

    def __post_init__(self):
        for name in ("weight", "sigma"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InputError(f"smoothness needs a finite {name} > 0, not {value}")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        layers = LayerNoise(x.device)  # the same function twice, dropout included
        logits = at_least_float32(model(x))
        with layers.again():
            noisy = at_least_float32(model(x + self.sigma * normal_like(x, generator)))
        loss = cross_entropy(logits, y)
        penalty = (logits - noisy).square().sum(1)
        return Loss(
            loss + self.weight * penalty, {"cross_entropy": loss, "logit_change_sq": penalty}
        )
