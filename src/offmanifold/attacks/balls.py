"""The balls that attacks stay in: one class a norm, each image with a radius of its own."""

import math
from typing import Protocol

import torch
from torch import Tensor

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.randomness import Randomness, normal_like, uniform_like

Radius = float | Tensor  # one for all images, or (n, 1, 1, 1)


class Ball(Protocol):
    """What an attack asks of a norm; all tensors are (n, c, h, w), all norms those of an image."""

    name: str

    def norms(self, v: Tensor) -> Tensor:
        """Return the norm of each image, (n, 1, 1, 1)."""
        ...

    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the step of norm 1 that raises a linear function most."""
        ...

    def project(self, x: Tensor, moved: Tensor, eps: Radius, *, box: bool = True) -> Tensor:
        """Return a point near `moved` with norm(x′ − x) ≤ eps, in [0, 1] if `box`."""
        ...

    def start(self, x: Tensor, eps: Radius, generator: Randomness, *, box: bool = True) -> Tensor:
        """Return a random point of the ball around x."""
        ...


def l2_norms(v: Tensor) -> Tensor:
    """Return the l2 norm of each image as (n, 1, 1, 1)."""
    return v.flatten(1).norm(dim=1)[:, None, None, None]


def unit(v: Tensor) -> Tensor:
    """Return v (n, …) with each image's l2 norm 1; zero, as is its gradient, where it is zero or
    not finite.

    Squares of values below 1e-22 vanish in float32: v is scaled before its norm is taken.
    """
    flat = v.flatten(1)
    largest = flat.detach().abs().amax(1, keepdim=True)  # not a number where one of them is none
    good = (largest > 0) & largest.isfinite()
    # 0/0 hidden by `where` alone would still be NaN in the backward pass
    scaled = torch.where(good, flat / torch.where(good, largest, 1.0), 0.0)
    return (scaled / scaled.norm(dim=1, keepdim=True).clamp(min=1)).view_as(v)


def project_l2(x: Tensor, moved: Tensor, eps: Radius, *, box: bool = True) -> Tensor:
    """Return the point of the ball ‖x′ − x‖₂ ≤ eps near `moved`, per image, in [0, 1] if `box`.

    With x in [0, 1] clipping only shortens the change, so that the result lies in both sets. The
    radius is less than eps by what rounding x + δ may add, 2e-5 at 224² pixels.
    """
    delta = moved - x
    rounding = x[0].numel() ** 0.5 * torch.finfo(x.dtype).eps / 2 if len(x) else 0.0
    delta = delta * (_less(eps, rounding) / l2_norms(delta).clamp(min=1e-12)).clamp(max=1.0)
    result = x + delta
    return result.clamp(0, 1) if box else result


class L2:
    """‖δ‖₂ of each image, pixels in [0, 1]."""

    name = "l2"

    def norms(self, v: Tensor) -> Tensor:
        return l2_norms(v)

    def steepest(self, gradient: Tensor) -> Tensor:
        return unit(gradient)

    def project(self, x: Tensor, moved: Tensor, eps: Radius, *, box: bool = True) -> Tensor:
        return project_l2(x, moved, eps, box=box)

    def start(self, x: Tensor, eps: Radius, generator: Randomness, *, box: bool = True) -> Tensor:
        # In many dimensions a uniform draw from the ball lies at its surface.
        z = normal_like(x, generator)
        return project_l2(x, x + eps * unit(z), eps, box=box)


class Linf:
    """max |δ| over the pixels of each image, in [0, 1]."""

    name = "linf"

    def norms(self, v: Tensor) -> Tensor:
        return v.flatten(1).abs().amax(1)[:, None, None, None]

    def steepest(self, gradient: Tensor) -> Tensor:
        return gradient.sign()

    def project(self, x: Tensor, moved: Tensor, eps: Radius, *, box: bool = True) -> Tensor:
        radius = _less(eps, torch.finfo(x.dtype).eps / 2)
        result = torch.minimum(torch.maximum(moved, x - radius), x + radius)
        return result.clamp(0, 1) if box else result

    def start(self, x: Tensor, eps: Radius, generator: Randomness, *, box: bool = True) -> Tensor:
        return self.project(x, x + eps * (2 * uniform_like(x, generator) - 1), eps, box=box)


BALLS: dict[str, Ball] = {ball.name: ball for ball in (L2(), Linf())}


def ball_of(norm: str) -> Ball:
    """Return the ball of a norm's name. Raises InputError for an unknown one."""
    if norm not in BALLS:
        raise unknown_name("norm", norm, BALLS)
    return BALLS[norm]


def check_eps(eps: float, who: str) -> None:
    """Raise InputError unless a radius is above 0 and finite."""
    if not 0 < eps < math.inf:
        raise InputError(f"{who} needs a finite eps > 0 (a norm per image), not {eps}")


def _less(eps: Radius, rounding: float) -> Radius:
    """Return eps less what rounding may add to a norm, and never less than half of it."""
    if isinstance(eps, Tensor):
        return torch.maximum(eps - rounding, eps / 2)
    return max(eps - rounding, eps / 2)
