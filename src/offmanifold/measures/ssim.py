"""Structural similarity (SSIM) of gradients and scores, both drawn on one scale."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.reasons import N_
from offmanifold.measures.alignment import Alignment, Conditional, Posterior, Unconditional
from offmanifold.measures.base import measures
from offmanifold.measures.directions import drawn, is_zero
from offmanifold.measures.probe import Scene

WINDOW, DEVIATION = 11, 1.5  # pixels, of the Gaussian window of Wang et al. 2004
K1, K2 = 0.01, 0.03


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean SSIM (n,) of pictures (n, c, h, w) in [0, 1] (Wang et al. 2004).

    Gaussian window of 11×11 pixels, σ = 1.5, or the largest odd one that fits a smaller image;
    where it lies within the image; mean over places and channels.
    """
    side = min(WINDOW, *(s if s % 2 else s - 1 for s in a.shape[2:]))
    at = torch.arange(side, dtype=a.dtype, device=a.device) - side // 2
    weights = (-at.square() / (2 * DEVIATION**2)).exp()
    weights = weights / weights.sum()

    def local(v: Tensor) -> Tensor:
        flat = v.flatten(0, 1)[:, None]
        return F.conv2d(F.conv2d(flat, weights[None, None, None]), weights[None, None, :, None])

    mean_a, mean_b = local(a), local(b)
    var_a = local(a.square()) - mean_a.square()
    var_b = local(b.square()) - mean_b.square()
    covariance = local(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    return (luminance * structure).reshape(len(a), -1).mean(1)


class Structure(Alignment):
    """SSIM of gradient and score as pictures: ÷ 3 times the root mean square, clipped to [−1, 1],
    zero at mid-grey, so that opposite signs are unlike."""

    unit: ClassVar[str] = "SSIM"

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        found = structural_similarity(*((drawn(v) + 1) / 2 for v in (a, b)))
        return found.masked_fill(is_zero(a) | is_zero(b), 0.0)


@measures.register("alignment.ssim_posterior")
@dataclass(frozen=True)
class SsimPosterior(Structure, Posterior):
    """SSIM of ∇log p(y|x) and T = s_σ(x̃|y) − s_σ(x̃)."""

    title: ClassVar[str] = N_("Structural similarity to the posterior score")


@measures.register("alignment.ssim_conditional")
@dataclass(frozen=True)
class SsimConditional(Structure, Conditional):
    """SSIM of ∇f_y and s_σ(x̃|y)."""

    title: ClassVar[str] = N_(
        "Structural similarity of the logit's gradient to the conditional score"
    )


@measures.register("alignment.ssim_unconditional")
@dataclass(frozen=True)
class SsimUnconditional(Structure, Unconditional):
    """SSIM of ∇log Σ exp f and s_σ(x̃)."""

    title: ClassVar[str] = N_(
        "Structural similarity of logsumexp's gradient to the unconditional score"
    )
