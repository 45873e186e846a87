"""What every attack shares: the contract, the vocabulary, the ball and the box."""

from typing import Protocol

import torch
from torch import Tensor, nn

from offmanifold.randomness import ImageNoise
from offmanifold.registry import Registry


class Attack(Protocol):
    """A frozen dataclass that moves images to where a classifier does worse."""

    name: str

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator | ImageNoise
    ) -> Tensor:
        """Return x′ (n, c, h, w) within the attack's ball around x, for labels y (n,)."""
        ...


attacks: Registry[Attack] = Registry("attack")


def l2_norms(v: Tensor) -> Tensor:
    """Return the l2 norm of each image as (n, 1, 1, 1)."""
    return v.flatten(1).norm(dim=1)[:, None, None, None]


def project_l2(x: Tensor, moved: Tensor, eps: float, *, box: bool = True) -> Tensor:
    """Return the point of the ball ‖x′ − x‖₂ ≤ eps near `moved`, per image, in [0, 1] if `box`.

    With x in [0, 1] clipping only shortens the change, so that the result lies in both sets. The
    radius is less than eps by what rounding x + δ may add, 2e-5 at 224² pixels.
    """
    delta = moved - x
    rounding = x[0].numel() ** 0.5 * torch.finfo(x.dtype).eps / 2 if len(x) else 0.0
    radius = max(eps - rounding, eps / 2)
    delta = delta * (radius / l2_norms(delta).clamp(min=1e-12)).clamp(max=1.0)
    result = x + delta
    return result.clamp(0, 1) if box else result
