"""Input gradients to be differentiated again, with a quick second derivative of convolutions."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

CONVOLUTIONS = {torch.conv1d, torch.conv2d, torch.conv3d}
_forward: Any = torch.ops.aten.convolution
_backward: Any = torch.ops.aten.convolution_backward


class DoubleBackward(TorchFunctionMode):
    """A forward pass whose input gradient is to be differentiated again.

    torch forms the weight gradient of a convolution's input gradient as a convolution of whole
    batches. It equals the weight gradient of the forward convolution, for which there is a kernel
    of its own: a tenth less time a step on a CPU.

    >>> from torch import nn
    >>> x, layer = torch.rand(2, 1, 4, 4, requires_grad=True), nn.Conv2d(1, 1, 3)
    >>> with DoubleBackward() as graph:
    ...     y = layer(x).square()
    >>> graph.gradient(y.sum(), x).square().sum().backward()
    """

    _inputs_only = False

    def gradient(self, scalar: Tensor, x: Tensor) -> Tensor:
        """Return ∇ₓ of a scalar of the forward pass, differentiable in the weights, like x."""
        # A Python function, in contrast to torch's own, is not told which gradients are wanted.
        self._inputs_only = True
        try:
            (gradient,) = torch.autograd.grad(scalar, x, create_graph=True)
        finally:
            self._inputs_only = False
        return gradient

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in CONVOLUTIONS or kwargs or not _as_layers_call_it(*args):
            return func(*args, **(kwargs or {}))
        *tensors, stride, padding, dilation, groups = args
        kind = tensors[0].device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            tensors = [None if t is None else t.to(dtype) for t in tensors]
        geometry = (stride, padding, dilation, False, [0] * len(stride), groups)  # not transposed
        return _Convolution.apply(*tensors, geometry, self)


def _as_layers_call_it(x: Tensor, weight: Tensor, *rest: Any) -> bool:
    """Return whether a batch is convolved, and all of the geometry is given as tuples."""
    return len(rest) == 5 and x.dim() == weight.dim() and all(type(r) is tuple for r in rest[1:4])


class _Convolution(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry, graph
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.graph, ctx.has_bias = geometry, graph, bias is not None
        return _forward(x, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        if ctx.graph._inputs_only:
            to_x = _InputGradient.apply(*gradients, x.detach(), weight, ctx.geometry)
            return to_x, None, None, None, None
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.has_bias]
        return *_backward(*gradients, x, weight, [len(weight)], *ctx.geometry, wanted), None, None


class _InputGradient(Function):
    """Of a convolution: linear in the output's gradient and in the weight, x gives its shape."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, geometry: Any) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.geometry = geometry
        return _backward(gradient, x, weight, None, *geometry, [True, False, False])[0]

    @staticmethod
    def backward(ctx: Any, *again: Tensor) -> Any:
        gradient, weight = ctx.saved_tensors
        to_gradient = _forward(*again, weight, None, *ctx.geometry)
        to_weight = _backward(gradient, *again, weight, None, *ctx.geometry, [False, True, False])[
            1
        ]
        return to_gradient, None, to_weight, None
