"""Variants of the input gradient that explanations are made of, to be held beside it.

All are of the label's log-odds u, whose gradient has the direction of that of log p(y|x) and does
not vanish where the classifier is sure. ``gradient`` takes their names as it takes those of
scalars, so that every measure and control of an audit can be asked of them too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.extras import import_extra
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32
from offmanifold.gradients.attributions import NAME as ATTRIBUTIONS
from offmanifold.gradients.input_gradient import core_gradient
from offmanifold.models.scalars import SCALARS, log_odds

SCALAR = "log_prob"
SMOOTH_SIGMA, SMOOTH_DRAWS = 0.15, 16  # of a range of 1, as Smilkov et al. 2017 advise
STEPS = 32  # of the path integral


@dataclass(frozen=True)
class Surroundings:
    """What a variant may use besides the classifier and the images.

    noise: (name, draw) → standard normal noise (n, c, h, w) of the images. noisy: → their noisy
    copies x + σz, and denoise: D at them; None without a manifold that has scores. own: the maps of
    an explanation of the user's own.
    """

    noise: Callable[[str, int], Tensor]
    noisy: Callable[[], Iterable[Tensor]] | None = None
    denoise: Callable[[Tensor], Tensor] | None = None
    own: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None


def smooth_gradient(model: nn.Module, x: Tensor, y: Tensor, around: Surroundings) -> Tensor:
    """Return the mean of ∇u(x + σz) over SMOOTH_DRAWS draws of z: SmoothGrad.

    x: (n, c, h, w); σ = .15 per pixel. Smilkov et al. 2017. The draws belong to the image, as all
    noise of an audit does; captum's NoiseTunnel takes them from the global generator.
    """
    total = torch.zeros_like(x)
    for draw in range(SMOOTH_DRAWS):
        noisy = x + SMOOTH_SIGMA * around.noise("smoothgrad", draw)
        total += core_gradient(model, noisy, y, SCALAR)[0]
    return total / SMOOTH_DRAWS


def integrated_gradients(model: nn.Module, x: Tensor, y: Tensor, around: Surroundings) -> Tensor:
    """Return x ⊙ ∫₀¹ ∇u(tx) dt, by captum, from black, in STEPS steps.

    x: (n, c, h, w). Sundararajan et al. 2017. Raises MissingExtra without captum.
    """
    captum: Any = import_extra("captum.attr", "integrated gradients")
    explained = captum.IntegratedGradients(lambda x, y: log_odds(at_least_float32(model(x)), y))
    with frozen(model):
        found = explained.attribute(
            x, additional_forward_args=y, n_steps=STEPS, internal_batch_size=len(x)
        )
    return found.detach().to(x.dtype)


def projected_gradient(model: nn.Module, x: Tensor, y: Tensor, around: Surroundings) -> Tensor:
    """Return the mean over draws of J(x̃)ᵀ ∇u(D(x̃)): the gradient through the denoiser.

    x: (n, c, h, w); x̃ = x + σz. On that denoiser's manifold by construction, so that another one
    should judge it.
    """
    assert around.noisy is not None and around.denoise is not None, "an audit checks this first"
    denoised = _After(model, around.denoise)
    found = [core_gradient(denoised, noisy, y, SCALAR)[0] for noisy in around.noisy()]
    return torch.stack(found).mean(0)


def own_attributions(model: nn.Module, x: Tensor, y: Tensor, around: Surroundings) -> Tensor:
    """Return the maps of the explanation that a user gave, (n, c, h, w)."""
    assert around.own is not None, "an audit checks this first"
    return around.own(model, x, y)


class _After(nn.Module):
    """f(D(x))."""

    def __init__(self, model: nn.Module, before: Callable[[Tensor], Tensor]):
        super().__init__()
        self.model, self.before = model, before

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.before(x))


VARIANTS: dict[str, Callable[[nn.Module, Tensor, Tensor, Surroundings], Tensor]] = {
    "smoothgrad": smooth_gradient,
    "integrated_gradients": integrated_gradients,
    "projected": projected_gradient,
    ATTRIBUTIONS: own_attributions,
}
"""{name: (model, images (n, c, h, w), labels (n,), surroundings) → (n, c, h, w)}."""


def scalar_of(gradient: str | None) -> str | None:
    """Return the scalar of which a gradient, or a variant of one, is taken."""
    return SCALAR if gradient in VARIANTS else gradient


def _scalar(name: str, model: nn.Module, x: Tensor, y: Tensor, around: Surroundings) -> Tensor:
    return core_gradient(model, x, y, name)[0]


GRADIENTS = {**{name: partial(_scalar, name) for name in SCALARS}, **VARIANTS}
"""All that an audit may be asked for: directions of the gradients of scalars, and variants."""
