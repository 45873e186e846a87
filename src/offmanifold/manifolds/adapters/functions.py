"""A callable D(x̃, σ) or D(x̃, σ, y) of somebody else's behind the protocols Tangent and Score."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.tweedie import TweedieManifold

PIXELS = 2**14  # of the images differentiated at once: their graph is held for every direction


class CallableManifold(TweedieManifold):
    """The Tangent and Score protocols by a callable.

    Derivatives are plain backward passes, which every network that was trained allows: Jᵀu by one,
    Jv by differentiating Jᵀu, which is linear in u. (Attention and group normalisation lack the
    forward mode.) Memory: the graph of a backward pass over PIXELS pixels.

    order: for each class of the card, its number among the classes of the denoiser.
    """

    def __init__(self, denoiser: Callable[..., Any], card: ManifoldCard, order: Sequence[int] = ()):
        super().__init__()
        self.denoiser, self.card, self.order = denoiser, card, order
        self.takes_labels = takes_labels(denoiser)

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        if y is not None and not self.order:
            raise InputError(f"the manifold {self.card.spec} knows no classes; ask it without")
        sigma = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device)
        sigma = sigma.reshape(-1, 1, 1, 1) if sigma.dim() else sigma
        named = {}
        if self.takes_labels:
            named["y"] = None if y is None else torch.tensor(self.order, device=y.device)[y]
        d = self.denoiser
        quiet = frozen(d) if isinstance(d, nn.Module) else nullcontext()
        with quiet, sdpa_kernel(SDPBackend.MATH):  # others cannot be differentiated twice
            return d(noisy, sigma, **named).to(noisy.dtype)

    def push(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        return self._differentiated(noisy, v, sigma, transposed=False)

    def pull(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        return self._differentiated(noisy, v, sigma, transposed=True)

    def _differentiated(self, noisy: Tensor, v: Tensor, sigma: float, transposed: bool) -> Tensor:
        """Return Jv, or Jᵀv, for directions v (m, n, c, h, w): one forward pass for all of them."""
        parts, size = [], max(1, PIXELS // noisy[0, 0].numel())
        for a, directions in zip(noisy.split(size), v.split(size, 1), strict=True):
            a = a.detach().requires_grad_()
            with torch.enable_grad():
                source, result = a, self.denoise(a, None, sigma)
                if not transposed:
                    source = torch.zeros_like(a, requires_grad=True)
                    (result,) = torch.autograd.grad(result, a, source, create_graph=True)
            found = [
                torch.autograd.grad(result, source, u, retain_graph=True)[0] for u in directions
            ]
            parts.append(torch.stack(found))
        return torch.cat(parts, 1)


def takes_labels(denoiser: Callable[..., Any]) -> bool:
    """Return whether a denoiser has an argument named y, and does not say `classes = None`."""
    if getattr(denoiser, "classes", ()) is None:
        return False
    function = denoiser.forward if isinstance(denoiser, nn.Module) else denoiser
    try:
        return "y" in inspect.signature(function).parameters
    except ValueError:  # compiled code without a signature
        return False
