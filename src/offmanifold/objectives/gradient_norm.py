"""A penalty on the input gradient of the loss."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.errors import InputError
from offmanifold.objectives.base import Loss, Plain, objectives
from offmanifold.precision import at_least_float32


@objectives.register("gradient_norm")
@dataclass(frozen=True)
class GradientNorm(Plain):
    """ℓ(f(x), y) + weight · ‖∇ₓ ℓ(f(x), y)‖₂², per image (Drucker & LeCun 1992).

    The penalty is taken for each image; one on the gradient of a mean over B images would be B²
    times weaker. Needs a smooth activation: with ReLU the second derivative is zero almost
    everywhere. With batch normalisation the images of a batch are not independent and the penalty
    is approximate. Cost: one forward, one backward and one double backward pass, exact.

    Attributes:
        weight: the strength, per squared (loss per unit of l2 norm in [0, 1] pixels); the λ of
            Srinivas et al. 2023 at batch size 128 is 1/6.1 of it.
    """

    strength: ClassVar[str | None] = "weight"
    weight: float = 1.0

    def __post_init__(self):
        if not 0 < self.weight < math.inf:
            raise InputError(f"gradient-norm needs a finite weight > 0, not {self.weight}")

    @property
    def compiles(self) -> bool:
        return False  # torch.compile has no double backward

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator
    ) -> Loss:
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(at_least_float32(model(x)), y, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), x, create_graph=True)
        penalty = gradient.flatten(1).square().sum(1)
        return Loss(
            loss + self.weight * penalty, {"cross_entropy": loss, "gradient_norm_sq": penalty}
        )
