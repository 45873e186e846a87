"""The contract of a training objective, and the vocabulary of them."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

from offmanifold._core.randomness import Randomness
from offmanifold._core.registry import Registry


@dataclass(frozen=True)
class Loss:
    """per_sample: (n,) what is minimised, unreduced. parts: {name: (n,)} for the log."""

    per_sample: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Resources:
    """What an objective may ask for in `needs`: the manifold, the training images."""

    manifold: Any = None
    train_data: Any = None


class Objective(Protocol):
    """A registered frozen dataclass: its fields are its flags and its part of the config.

    strength: name of the field that warm-up, sweep and recommend vary; None if there is none.
    """

    name: ClassVar[str]
    strength: ClassVar[str | None]

    @property
    def compiles(self) -> bool:
        """Whether torch.compile can take a training step."""
        ...

    @property
    def needs(self) -> Set[str]:
        """A subset of {"manifold", "train_data"}."""
        ...

    def prepare(self, resources: Resources) -> "Objective":
        """Return the objective ready to be called; asked once before training."""
        ...

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        """Return the loss of images x (n, c, h, w) in [0, 1] with labels y (n,)."""
        ...


class Plain:
    """What most objectives answer: compiles, needs nothing, nothing to prepare."""

    name: ClassVar[str]  # given by the registry
    strength: ClassVar[str | None] = None

    @property
    def compiles(self) -> bool:
        return True

    @property
    def needs(self) -> Set[str]:
        return frozenset()

    def prepare(self, resources: Resources):
        return self


objectives: Registry[Objective] = Registry("objective", plugins="objectives")
