"""Standard training."""

from dataclasses import dataclass

from torch import Tensor, nn

from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness
from offmanifold.models.scalars import cross_entropy
from offmanifold.objectives.base import Loss, Plain, objectives


@objectives.register("erm")
@dataclass(frozen=True)
class ERM(Plain):
    """Empirical risk minimisation: the cross-entropy ℓ(f(x), y).

    Cost: one forward and one backward pass.
    """

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        return Loss(cross_entropy(at_least_float32(model(x)), y))
