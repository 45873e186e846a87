"""Images drawn from a denoiser with a classifier at the helm: D + σ²∇log p(y | D)."""

import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32, in_float32
from offmanifold._core.progress import Bar
from offmanifold._core.randomness import image_noise
from offmanifold.manifolds import Score
from offmanifold.manifolds.sampler import HIGHEST, heun
from offmanifold.models.scalars import SCALARS
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import Box, Constraint
from offmanifold.synthesis.shapes import Classes, Images, Index, Numbers

NOISE = "sampler"  # name of the noise that sampling starts from


@in_float32()
def denoise_towards(
    model: nn.Module,
    manifold: Score,
    noisy: Images,
    y: Classes,
    sigma: float | Numbers,
    *,
    guidance: float = 1.0,
    objective: str = "log_prob",
    told: Classes | None = None,
    bar: Bar = SILENT,
) -> Images:
    """Return D(x̃) + w σ² ∇_x̃ f(D(x̃)), (n, c, h, w): for f = log p(y | ·) and w = 1 the mean of
    the images of class y that x̃ may have been, to first order.

    By Tweedie's formula E[x₀ | x̃, y] = x̃ + σ²(s(x̃) + ∇log p(y | x̃)); the classifier, which knows
    clean images, is asked at D(x̃) in place of x̃ (Chung et al. 2023). noisy: (n, c, h, w); sigma per
    pixel, one or (n,); y: (n,) classes; w = guidance (Dhariwal and Nichol 2021). The gradient goes
    through D: σ²Jᵀg = Cov[x₀ | x̃] g lies along the manifold. told: (n,) classes that D itself is
    told.
    """
    if not guidance:
        bar.advance()
        with torch.no_grad():
            return manifold.denoise(noisy, told, sigma)
    with frozen(model), torch.enable_grad():
        noisy = noisy.detach().requires_grad_()
        denoised = manifold.denoise(noisy, told, sigma)
        value = SCALARS[objective](at_least_float32(model(denoised)), y).sum()
        (gradient,) = torch.autograd.grad(value, noisy)
    bar.advance(**{objective: float(value.detach()) / max(1, len(y))})
    s = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).reshape(-1, 1, 1, 1)
    return denoised.detach() + guidance * s.square() * gradient


@in_float32()
def draw(
    model: nn.Module,
    manifold: Score,
    y: Classes,
    *,
    index: Index,
    guidance: float = 1.0,
    objective: str = "log_prob",
    told: Classes | None = None,
    steps: int = 32,
    seed: int = 0,
    constraint: Constraint | None = None,
    device: torch.device | str = "cpu",
    bar: Bar = SILENT,
) -> Images:
    """Return images (n, c, h, w) of classes y drawn by the denoiser's sampler under guidance.

    Every denoised image is put back into the constraint, as in DDNM (Wang et al. 2023), so that
    known pixels and block means hold at every σ and in the result. Noise is by (seed, image index).
    2 · steps − 1 passes back and forth through denoiser and classifier; with guidance 0 forth
    through the denoiser alone.
    """
    constraint = Box() if constraint is None else constraint
    rows = torch.arange(len(y))
    noise = image_noise(tuple(manifold.card.shape), index, seed=seed, name=NOISE)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        clean = denoise_towards(
            model, manifold, x, y, sigma, guidance=guidance, objective=objective, told=told, bar=bar
        )
        return constraint.project(clean, rows)

    with torch.no_grad():
        x = heun(denoise, 0.5 + HIGHEST * noise.to(device), steps)
        return constraint.project(x, rows)
