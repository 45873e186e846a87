"""What every attack shares: the contract, the vocabulary, and when it has won."""

from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from offmanifold._core.precision import in_float32
from offmanifold._core.randomness import Randomness
from offmanifold._core.registry import Registry
from offmanifold.data.checks import check_given
from offmanifold.models.scalars import decided


class Attack(Protocol):
    """A frozen dataclass that moves images to where a classifier does worse."""

    name: ClassVar[str]

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Tensor:
        """Return x′ (n, c, h, w) within the attack's ball around x, for labels y (n,)."""
        ...


attacks: Registry[Attack] = Registry("attack", plugins="attacks")


def to_attack(x: Tensor) -> Tensor:
    """Return images (n, c, h, w) from which an attack may start, detached, cut to [0, 1].

    Raises InputError where more than rounding lies beyond: the box would draw them further than
    eps.
    """
    check_given(x, "the tensor of images to attack")
    return x.detach().clamp(0, 1)


def misclassified(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return (n,) whether another class than y has the largest logit, judged in float32.

    A logit that is not a number counts as misclassified.
    """
    with torch.no_grad(), in_float32(x.device):
        logits = model(x)
    return (logits.argmax(1) != y) | ~decided(logits)
