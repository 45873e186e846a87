"""Activations of our own networks, by name."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class _SiLU(torch.autograd.Function):
    """x σ(x), whose second derivative is one formula.

    Torch's own takes a first derivative that is to be differentiated apart into nine products, each
    with a graph: a training step with a penalty on the input gradient spends a fifth of its time
    there.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return F.silu(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _Slope.apply(grads[0], x)  # pyright: ignore[reportReturnType]

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.silu_backward(tangents[0], x)


class _Slope(torch.autograd.Function):
    """g · silu′(x)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(g: Tensor, x: Tensor) -> Tensor:
        return torch.ops.aten.silu_backward(g, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        g, x = ctx.saved_tensors
        slope = torch.ops.aten.silu_backward(grads[0], x)
        return slope, _curvature(x) * g * grads[0]

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        g, x = ctx.saved_tensors
        along_g, along_x = tangents
        total = torch.zeros_like(g)
        if along_g is not None:
            total = total + torch.ops.aten.silu_backward(along_g, x)
        if along_x is not None:
            total = total + _curvature(x) * g * along_x
        return total


def _curvature(x: Tensor) -> Tensor:
    """Return silu″(x) = σ(1 − σ)(2 + x(1 − 2σ))."""
    s = x.sigmoid()
    if torch.is_grad_enabled():
        return s * (1 - s) * (2 + x * (1 - 2 * s))
    slope = (1 - s).mul_(s)
    return s.mul_(-2).add_(1).mul_(x).add_(2).mul_(slope)


def silu(x: Tensor) -> Tensor:
    """Return x σ(x), of any shape: torch's values and gradients, cheaper to differentiate twice."""
    return _SiLU.apply(x)  # pyright: ignore[reportReturnType]


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"silu": silu, "relu": F.relu}
