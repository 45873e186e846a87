"""Noise taken off images."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import Bar
from offmanifold.data.checks import check_noisy
from offmanifold.manifolds import Manifold
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import Box
from offmanifold.synthesis.filling import checked_classes, device_of, fill, made, predicted
from offmanifold.synthesis.guidance import denoise_towards
from offmanifold.synthesis.inputs import check_manifold_takes, noise_range
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.shapes import Classes, Images, Index, Numbers

RADIUS = 0.5  # of the ball, in σ√d
TINY = 1e-6  # of a σ, as float32 rounds
WIDEST = 3.0  # standard deviation of the blur, in pixels
DETAIL = (-0.12940952, -0.22414387, 0.8365163, -0.48296291)  # high-pass of db2 (Daubechies 1988)
FLAT = 0.05  # of 4×4 windows, from which some of an image is without noise
CLIPPED = 0.55  # median detail of noise on black, clipped there; measured .51 to .58


@in_float32()
def denoise(
    model: nn.Module,
    x: Images,
    sigma: float | Numbers,
    y: Classes | None = None,
    method: Method | None = None,
    *,
    manifold: Manifold | None = None,
    index: Index | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images (n, c, h, w) without the noise of standard deviation sigma per pixel, or (n,).

    In the mode manifold: the mean of the images of class y that x may have been, by the denoiser
    corrected with the classifier's gradient (`denoise_towards`); `start` is the denoiser's alone.
    Else an ascent from the blurred image in a ball of radius ½σ√d by default: the classifier's
    gradient adds what makes the class, and cannot take off what the classifier does not see. y:
    (n,) classes; by default what the classifier sees in `start`. Raises InputError for a
    sigma that is not above 0, or more than the denoiser or an image can hold (`check_sigma`).
    """
    check_noisy(x, sigma)
    method = (method or Method()).settled(manifold, "manifold")
    x = x.to(device_of(model))
    levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(len(x))
    for s in levels.unique().tolist():
        check_sigma(s, method, manifold)
    if method.mode != "manifold":
        start = blurred(x, levels).clamp(0, 1)
        y = predicted(model, start) if y is None else y
        radii = None if method.ascent.eps else RADIUS * levels * x[0:1].numel() ** 0.5
        one = {"index": index, "constraint": Box(), "radii": radii, "bar": bar}
        return fill(model, start, y, method, manifold=manifold, **one)
    assert manifold is not None
    check_manifold_takes(manifold, x)
    sigma = sigma if isinstance(sigma, float) else levels
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


def check_sigma(sigma: float, method: Method, manifold: Manifold | None) -> None:
    """Raise InputError unless there can be noise of this sigma, and a settled method take it off.

    In the mode manifold it must be of those that the denoiser was trained on; in the others, pixels
    in [0, 1] hold no more than 1.
    """
    low, high = noise_range(manifold) if method.mode == "manifold" else (0.0, 1.0)
    if low * (1 - TINY) <= sigma <= high * (1 + TINY) and 0 < sigma < float("inf"):
        return
    what = (
        f"the denoiser was trained on noise from {low:.2g} to {high:.2g}"
        if method.mode == "manifold" and low
        else f"it must be above 0 and at most {min(high, 1e9):.3g}"
    )
    raise InputError(f"σ = {sigma:.3g} (a standard deviation per pixel) is out of range: {what}")


def blurred(x: Images, sigma: float | Numbers) -> Images:
    """Return x under a Gaussian blur of ½ + 2σ pixels (3 at most), with reflected edges.

    sigma: one, or (n,) of the images.
    """
    if isinstance(sigma, Tensor):
        return torch.cat(
            [x[:0], *(blurred(one[None], float(s)) for one, s in zip(x, sigma, strict=True))]
        )
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


@in_float32()
def noise_level(x: Images) -> Numbers:
    """Return an estimate of the noise of each image, (n,), a standard deviation per pixel.

    The median absolute detail of 4×4 pixels is .6745 σ (Donoho and Johnstone 1994). Noise that is
    clipped at 0 or 1 has less: `CLIPPED` of σ where half of the pixels are clipped, as on black.
    Where noise is everywhere, hardly any 4×4 pixels stay all 0 or all 1. If more than `FLAT` do,
    only details without a clipped pixel count; NaN where these are fewer than half of the others
    that are not flat, as in clean line drawings, whose strokes would be taken for noise.

    >>> noise_level(torch.zeros(1, 1, 8, 8)).tolist()
    [nan]
    """
    check_noisy(x, 1.0)
    if min(x.shape[-2:]) < len(DETAIL):
        return x.new_full((len(x),), torch.nan)
    taps, c = torch.tensor(DETAIL).to(x), x.shape[1]
    kernel = (taps[:, None] * taps).expand(c, 1, -1, -1)
    detail = F.conv2d(x, kernel, groups=c).abs().flatten(1)
    black, white = (_in_windows((x == v).to(x)) for v in (0, 1))
    rough, inside = (black < 1) & (white < 1), (black + white) == 0
    whole = rough.to(x).mean(1) >= 1 - FLAT
    told = whole | (2 * inside.sum(1) >= rough.sum(1))
    kept = torch.where(whole[:, None], rough, inside) & told[:, None]
    found = torch.where(kept, detail, torch.nan).nanmedian(1).values / 0.6745
    clipped = ((x == 0) | (x == 1)).flatten(1).to(x).mean(1)
    left = 1 - (1 - CLIPPED) * (2 * clipped).clamp(max=1)
    return torch.where(whole, found / left, found)


def _in_windows(pixels: Tensor) -> Tensor:
    """Return the shares of pixels (n, c, h, w) that are 1 in all 4×4 windows, (n, windows)."""
    return F.avg_pool2d(pixels, len(DETAIL), 1).flatten(1)
