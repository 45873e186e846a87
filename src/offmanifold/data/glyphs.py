"""`glyphs`: images between two characters of a font, whose manifold and p(y|x) are known exactly.

A point of the manifold is a latent z (7): the class coordinate t, which blends the characters, and
six nuisances, `LATENTS`. The label is drawn: the second character with probability sigmoid(t/TAU).
`glyphs:N` has N images, `glyphs:N:AB` lies between the characters A and B, `glyphs:N:AB:mask` has
masks of the signal; what is left empty is the default.

The default pair is the best conditioned one of all pairs of digits: the smallest singular value of
its Jacobian, each latent in units of its reach, is the largest, by minimum and by median over the
latents of 400 images. So t and the nuisances, and all mixtures of them, move the image visibly.
"""

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import seed_of
from offmanifold.data import glyph_rendering
from offmanifold.data.glyph_rendering import LATENTS, REACH, SIDE
from offmanifold.data.pixels import short_hash
from offmanifold.data.request import Found, Request

IMAGES, PAIR = 6000, "25"
TAU = 0.1  # for t uniform in [−1, 1] the best classifier errs on TAU · log 2 = 6.9 %
BLOCK = 4096  # latents are drawn so many at a time
CHUNK = 32  # images rendered at a time: fits the cache, and too few to be divided among threads
FAINT = 0.02  # pixels brighter than this are signal


class Glyphs:
    """A `Source` of n images (1, 28, 28); an image depends on (pair, seed, index) alone.

    masked: whether `masks` tells the pixels that the glyph and its soft edge reach. Raises
    InputError where the font cannot draw the two characters of `pair`.

    >>> glyphs = Glyphs(100)
    >>> glyphs.read(np.arange(3)).shape, [part.shape[1] for part in glyphs.tangents(np.arange(3))]
    (torch.Size([3, 1, 28, 28]), [1, 6])
    """

    shape: tuple[int, int, int] = (1, SIDE, SIDE)

    def __init__(self, n: int = IMAGES, pair: str = PAIR, seed: int = 0, masked: bool = False):
        self.pair, self.masked = pair, masked
        self._splines = glyph_rendering.glyph_splines(pair)
        self._coarse = self._splines.float()
        self.labels: np.ndarray | None
        self._latents, self.labels = _draw(n, seed)
        self.names = [str(i) for i in range(n)]
        # of latents, font and constants, which decide the pixels: those would have to be rendered
        # first, and their last bits depend on the processor
        drawn = glyph_rendering.identity(pair).encode()
        self.hashes = [short_hash(drawn + z.tobytes()) for z in self._latents]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, 1, 28, 28), float32 in [0, 1]."""
        chunks = self.latents(index).float().split(CHUNK)
        return torch.cat([glyph_rendering.render(self._coarse, z) for z in chunks])

    def masks(self, index: np.ndarray) -> Tensor | None:
        """Return masks (n, 1, 28, 28), 1 where a pixel is brighter than FAINT, if asked for."""
        return (self.read(index) > FAINT).float() if self.masked else None

    def latents(self, index: np.ndarray) -> Tensor:
        """Return z (n, 7) float64, in the order and the units of `LATENTS`."""
        return torch.from_numpy(self._latents[index])

    def posterior(self, index: np.ndarray) -> Tensor:
        """Return p(y|x) (n, 2) float64, from t."""
        t = self.latents(index)[:, 0]
        return torch.stack([-t / TAU, t / TAU], 1).sigmoid()

    def tangents(self, index: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return ∂x/∂t (n, 1, 784) and ∂x/∂nuisances (n, 6, 784), float64, exact, as they are."""
        rows = [
            glyph_rendering.render_with_jacobian(self._splines, z)[1]
            for z in self.latents(index).split(CHUNK)
        ]
        jacobian = torch.cat(rows)
        return jacobian[:, :1], jacobian[:, 1:]


def _draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return latents (n, 7), uniform within their reach, and labels (n,)."""
    blocks = [
        np.random.default_rng(seed_of("glyphs", seed, i)).random((BLOCK, len(LATENTS) + 1))
        for i in range(-(-n // BLOCK))
    ]
    u = np.concatenate(blocks)
    z = (2 * u[:, :-1] - 1) * REACH
    y = u[:, -1] < 1 / (1 + np.exp(-z[:, 0] / TAU))
    return z[:n], y[:n].astype(np.int64)


def open_glyphs(rest: str, request: Request) -> Found:
    """Open what stands after the colon of `glyphs:N:AB:mask`."""
    number, pair, option, *more = [*rest.split(":"), "", ""]
    if not (number or "10").isdecimal() or option not in ("", "mask") or any(more):
        raise InputError(
            f'glyphs takes glyphs:IMAGES:CHARACTERS:mask, such as "glyphs:2000:38", and not '
            f'"glyphs:{rest}"'
        )
    n = int(number or IMAGES)
    if not 10 <= n <= 10_000_000:
        raise InputError(f"glyphs needs 10 to 10,000,000 images, not {n}")
    source = Glyphs(n, pair or PAIR, request.seed, option == "mask")
    return Found("glyphs", source, tuple(source.pair), notes=("of known law",))
