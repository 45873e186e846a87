"""A smooth renderer of glyphs between two characters: latents (n, 7) → images, and its Jacobian.

x(p) = sigmoid(φ(p) / SOFTNESS) at every pixel p, where φ is a signed distance in pixels, positive
inside: φ(p) = e^s · [(1 − w) φ_a(q) + w φ_b(q)] + stroke, w = (1 + t)/2, q = M⁻¹(p − shift), and
M = e^s · rotation · shear. φ_a and φ_b are cubic B-splines, so that x has two continuous
derivatives in the latents, known in closed form.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.data.pixels import short_hash

VERSION = 1  # of this renderer: a new one where the same latents and constants give other images
SIDE = 28
LATENTS = ("t", "right", "down", "rotation", "log scale", "shear", "stroke")  # pixels, radians
REACH = (1.0, 2.0, 2.0, 0.35, 0.16, 0.3, 0.5)  # each latent lies in ± its reach
SOFTNESS = 0.5  # pixels; an edge rises from .1 to .9 over 4.4 times as many
RADIUS = 9.0  # pixels from the centre to the corners of the larger character's box
BLUR = 0.5  # pixels, of the signed distances: rounds off their ridges along the strokes' middles
FIELD, STEP = 48, 0.5  # side of the square on which the splines live and their knots' distance
FINE = 16  # dots a pixel when a character is drawn
NO_CHARACTER = "\U0010ffff"  # drawn as every character is that the font lacks


def font_path() -> Path:
    """Return DejaVu Sans Bold, free and part of matplotlib, so at hand on every machine."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf")


def identity(pair: str) -> str:
    """Return what decides the images beside their latents, as text."""
    font = short_hash(font_path().read_bytes())
    return str((VERSION, pair, font, SIDE, SOFTNESS, RADIUS, BLUR, FIELD, STEP, FINE))


def glyph_splines(pair: str) -> Tensor:
    """Return the B-spline coefficients (2, knots, knots) float64 of two characters' φ.

    Each is centred by its box; one size of font lets the larger box reach RADIUS. Raises
    InputError for anything but two different characters that the font can draw.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, spline_filter

    large = ImageFont.truetype(font_path(), 1000, layout_engine=ImageFont.Layout.BASIC)
    small = large.font_variant(size=FINE)
    unlike = {_drawn(character, small).tobytes() for character in (*pair, " ", NO_CHARACTER)}
    if len(pair) != 2 or len(unlike) != 4:
        raise InputError(
            f'glyphs needs two different characters of its font, such as "25", not "{pair}"'
        )
    corners = np.array([large.getbbox(character) for character in pair])
    diagonal = np.hypot(*(corners[:, 2:] - corners[:, :2]).T).max()
    font = large.font_variant(size=1000 * 2 * RADIUS * FINE / diagonal)
    every = round(STEP * FINE)
    splines = []
    for character in pair:
        inside = _drawn(character, font)
        within, beyond = (np.asarray(distance_transform_edt(a)) for a in (inside, ~inside))
        smooth = gaussian_filter((within - beyond) / FINE, BLUR * FINE, mode="nearest")
        cells = smooth.reshape(len(smooth) // every, every, -1, every)
        splines.append(spline_filter(cells.mean((1, 3)), order=3, mode="mirror"))
    return torch.from_numpy(np.stack(splines))


def _drawn(character: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """Return whether each dot of the square of side FIELD · FINE is inside the character."""
    side = FIELD * FINE
    canvas = Image.new("L", (side, side))
    left, top, right, bottom = font.getbbox(character)
    place = ((side - left - right) / 2, (side - top - bottom) / 2)
    ImageDraw.Draw(canvas).text(place, character, 255, font)
    return np.array(canvas) >= 128


def render(splines: Tensor, z: Tensor) -> Tensor:
    """Return images (n, 1, 28, 28) in (0, 1) of latents z (n, 7), in the splines' precision."""
    q, _, _ = _placed(z)
    a, b = _fields(splines, q)[0]
    w = (1 + z[:, :1]) / 2
    phi = z[:, 4:5].exp() * (a + w * (b - a)) + z[:, 6:]
    return _sigmoid(phi).view(-1, 1, SIDE, SIDE)


def render_with_jacobian(splines: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (n, 784) and their derivatives (n, 7, 784) by the latents z (n, 7)."""
    q, offset, inverse = _placed(z)
    (a, b), (a_x, b_x), (a_y, b_y) = _fields(splines, q, slopes=True)
    w, scale = (1 + z[:, :1]) / 2, z[:, 4:5].exp()
    phi = scale * (a + w * (b - a))
    x = _sigmoid(phi + z[:, 6:])
    by_q = scale[..., None] * torch.stack([a_x + w * (b_x - a_x), a_y + w * (b_y - a_y)], -1)
    g = by_q @ inverse  # ∂φ/∂p, and −∂φ/∂shift
    gx, gy = g.unbind(-1)
    dx, dy = offset.unbind(-1)
    cos, sin = z[:, 3:4].cos(), z[:, 3:4].sin()
    by_latent = [
        scale * (b - a) / 2,
        -gx,
        -gy,
        gx * dy - gy * dx,
        phi - gx * dx - gy * dy,
        -(gx * cos + gy * sin) * scale * q[..., 1],
        torch.ones_like(x),
    ]
    return x, torch.stack(by_latent, 1) * (x * (1 - x) / SOFTNESS)[:, None]


def _sigmoid(phi: Tensor) -> Tensor:
    # torch.sigmoid rounds the last elements of a tensor otherwise than the rest; exp does not
    return 1 / (1 + (-phi / SOFTNESS).exp())


def _placed(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return q = M⁻¹(p − shift) (n, 784, 2), p − shift likewise, and M⁻¹ (n, 2, 2)."""
    middle = torch.arange(SIDE, dtype=z.dtype, device=z.device) - (SIDE - 1) / 2
    p = torch.stack([middle.repeat(SIDE), middle.repeat_interleave(SIDE)], 1)
    offset = p - z[:, None, 1:3]
    cos, sin, shear = z[:, 3].cos(), z[:, 3].sin(), z[:, 5]
    back = torch.stack([cos + shear * sin, sin - shear * cos, -sin, cos], 1).view(-1, 2, 2)
    inverse = back * (-z[:, 4]).exp()[:, None, None]
    return offset @ inverse.transpose(1, 2), offset, inverse


def _fields(splines: Tensor, q: Tensor, slopes: bool = False) -> list[tuple[Tensor, Tensor]]:
    """Return (φ_a, φ_b) at points q (n, p, 2), each (n, p); with slopes, their ∂/∂x and ∂/∂y."""
    knots = splines.shape[-1]
    place = (q / STEP + (knots - 1) / 2).clamp(1, knots - 2 - 1e-3)
    cell = place.detach().floor()
    (wx, dwx), (wy, dwy) = (_weights(place[..., i] - cell[..., i]) for i in (0, 1))
    first = ((cell[..., 1] - 1) * knots + cell[..., 0] - 1).long().flatten()
    found = []
    for table in splines.flatten(1):
        value = along_x = along_y = torch.zeros_like(wx[0])
        for i in range(4):
            taps = [table.index_select(0, first + (i * knots + j)).view_as(value) for j in range(4)]
            row = sum(w * c for w, c in zip(wx, taps, strict=True))
            value = value + wy[i] * row
            if slopes:
                along_y = along_y + dwy[i] * row
                along_x = along_x + wy[i] * sum(w * c for w, c in zip(dwx, taps, strict=True))
        found.append((value, along_x / STEP, along_y / STEP))
    return list(zip(*found, strict=True)) if slopes else [(found[0][0], found[1][0])]


def _weights(f: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return the four cubic B-spline weights at f in [0, 1) of a cell, and their derivatives."""
    g = 1 - f
    values = [g**3 / 6, 2 / 3 - f**2 + f**3 / 2, 2 / 3 - g**2 + g**3 / 2, f**3 / 6]
    slopes = [-(g**2) / 2, 1.5 * f**2 - 2 * f, 2 * g - 1.5 * g**2, f**2 / 2]
    return values, slopes
