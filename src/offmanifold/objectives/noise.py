"""Training under Gaussian noise."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness, normal_like
from offmanifold.models.scalars import cross_entropy
from offmanifold.objectives.base import Loss, Plain, objectives


@objectives.register("noise")
@dataclass(frozen=True)
class Noise(Plain):
    """ℓ(f(x + σz), y), z ~ N(0, I), one draw an image; not clipped.

    Source: Bishop 1995; Cohen et al. 2019. Cost: one forward and one backward pass.

    Attributes:
        sigma: the strength, a standard deviation per pixel in [0, 1] units (expected l2 norm σ√d).
    """

    strength: ClassVar[str | None] = "sigma"
    sigma: float = 0.3

    def __post_init__(self):
        if not 0 < self.sigma < math.inf:
            raise InputError(f"noise needs a finite sigma > 0 (per pixel), not {self.sigma}")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        noisy = x + self.sigma * normal_like(x, generator)
        return Loss(cross_entropy(at_least_float32(model(noisy)), y))
