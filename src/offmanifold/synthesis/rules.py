"""From gradients to steps: momentum on normalised gradients, or Adam."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from offmanifold.attacks.balls import unit


@runtime_checkable
class Rule(Protocol):
    """The memory of an ascent; one instance an ascent."""

    def step(self, gradient: Tensor) -> Tensor:
        """Return the next step (m, c, h, w), of l2 norm about 1 an image."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Forget the images that are finished; rows: (m,) places of those that go on."""
        ...


class Momentum:
    """v ← μv + g/‖g‖, step v/‖v‖ (Dong et al. 2018, with the norms of each image in l2)."""

    def __init__(self, momentum: float = 0.5):
        self.momentum = momentum
        self.velocity: Tensor | None = None

    def step(self, gradient: Tensor) -> Tensor:
        g = unit(gradient)
        self.velocity = g if self.velocity is None else self.momentum * self.velocity + g
        return unit(self.velocity)

    def keep(self, rows: Tensor) -> None:
        self.velocity = None if self.velocity is None else self.velocity[rows]


class Adam:
    """m̂/(√v̂ + ε)/√d of gradients of norm 1 (Kingma and Ba 2015): at most about 1 in l2."""

    def __init__(self, momentum: float = 0.9, second: float = 0.999):
        self.betas, self.t = (momentum, second), 0
        self.moments: tuple[Tensor, Tensor] | None = None

    def step(self, gradient: Tensor) -> Tensor:
        g = unit(gradient)
        m, v = self.moments or (torch.zeros_like(g), torch.zeros_like(g))
        (one, two), self.t = self.betas, self.t + 1
        m, v = one * m + (1 - one) * g, two * v + (1 - two) * g.square()
        self.moments = m, v
        corrected = m / (1 - one**self.t), v / (1 - two**self.t)
        return corrected[0] / (corrected[1].sqrt() + 1e-8) / g[0].numel() ** 0.5

    def keep(self, rows: Tensor) -> None:
        if self.moments is not None:
            self.moments = (self.moments[0][rows], self.moments[1][rows])


RULES: dict[str, Callable[[float], Rule]] = {"momentum": Momentum, "adam": Adam}
