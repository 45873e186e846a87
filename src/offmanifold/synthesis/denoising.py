"""Noise taken off images."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.errors import InputError
from offmanifold.progress import Bar
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import Box
from offmanifold.synthesis.filling import checked_classes, device_of, fill, made, predicted
from offmanifold.synthesis.guidance import denoise_towards
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis

RADIUS = 0.5  # of the ball, in σ√d
WIDEST = 3.0  # standard deviation of the blur, in pixels


def denoise(
    model: nn.Module,
    x: Tensor,
    sigma: float,
    y: Tensor | None = None,
    method: Method | None = None,
    *,
    manifold: Any = None,
    index: Tensor | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images (n, c, h, w) without the noise of standard deviation sigma per pixel.

    In the mode manifold: the mean of the images of class y that x may have been, by the denoiser
    corrected with the classifier's gradient (`denoise_towards`); `start` is the denoiser's alone.
    Else an ascent from the blurred image in a ball of radius ½σ√d by default: the classifier's
    gradient adds what makes the class, and cannot take off what the classifier does not see. y:
    (n,) classes; by default what the classifier sees in `start`. Raises InputError unless
    sigma > 0.
    """
    if not 0 < sigma < float("inf"):
        raise InputError(
            f"σ must be finite and above 0 (a standard deviation per pixel), not {sigma}"
        )
    method = (method or Method()).settled(manifold, "manifold")
    x = x.to(device_of(model))
    method = method.completed(eps=RADIUS * sigma * x[0:1].numel() ** 0.5 or 1.0)
    if method.mode != "manifold":
        start = blurred(x, sigma).clamp(0, 1)
        y = predicted(model, start) if y is None else y
        return fill(
            model, start, y, method, manifold=manifold, index=index, constraint=Box(), bar=bar
        )
    with torch.no_grad():
        alone = manifold.denoise(x, None, sigma).clamp(0, 1)
    y = predicted(model, alone) if y is None else checked_classes(model, alone, y)
    images = denoise_towards(
        model,
        manifold,
        x,
        y,
        sigma,
        guidance=method.weight,
        objective=method.ascent.objective,
        bar=bar,
    )
    return made(model, images.clamp(0, 1), alone, y, method.ascent.objective, 1)


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Return x under a Gaussian blur of ½ + 2σ pixels (3 at most), with reflected edges."""
    width = min(WIDEST, 0.5 + 2 * sigma)
    reach = min(max(1, round(3 * width)), min(x.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = (-places.square() / (2 * width**2)).exp()
    kernel = kernel / kernel.sum()
    c = x.shape[1]
    rows = F.pad(x, (0, 0, reach, reach), mode="reflect")
    rows = F.conv2d(rows, kernel[None, None, :, None].expand(c, 1, -1, 1), groups=c)
    columns = F.pad(rows, (reach, reach, 0, 0), mode="reflect")
    return F.conv2d(columns, kernel[None, None, None].expand(c, 1, 1, -1), groups=c)


def noise_level(x: Tensor) -> Tensor:
    """Return an estimate of the noise of each image, (n,), a standard deviation per pixel.

    From the differences (a − b − c + d)/2 of neighbours, which smooth images have little of: their
    median absolute value is .6745 σ (Donoho and Johnstone 1994). Flat parts at 0 or 1, which cannot
    hold noise on both sides, are left out. 0 where nothing is left. Noise that is clipped at 0 or 1
    is underestimated.
    """
    d = (x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2])
    h, w = x.shape[-2] // 2, x.shape[-1] // 2
    a, b, c, e = (part[..., :h, :w] for part in d)
    detail = ((a - b - c + e) / 2).abs().flatten(1)
    inside = torch.stack([(p > 0) & (p < 1) for p in (a, b, c, e)]).all(0).flatten(1)
    kept = torch.where(inside, detail, torch.nan)
    return torch.nan_to_num(kept.nanmedian(1).values / 0.6745)
