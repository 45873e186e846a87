"""`distractor:DATA`: the data in one half, a fixed letter in the other, either way up.

Which pixels matter is known: a classifier has no use for the letter, though it must find the half
that is none. This is the MNIST-with-distractor of Srinivas et al. 2023, after Shah et al. 2021.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import seed_of
from offmanifold.data.pixels import short_hash
from offmanifold.data.request import Found, Request
from offmanifold.data.types import Source


def letter(h: int, w: int) -> Tensor:
    """Return a white "A" on black, (1, h, w) in [0, 1], over the middle 70 % of the image.

    Drawn by strokes at 8 times the size and averaged down, so that no font file is needed.
    """
    fine = 8
    canvas = Image.new("L", (w * fine, h * fine))
    draw = ImageDraw.Draw(canvas)

    def at(x: float, y: float) -> tuple[float, float]:
        return x * w * fine, y * h * fine

    width = max(1, round(0.1 * min(h, w) * fine))
    draw.line([at(0.2, 0.85), at(0.5, 0.18), at(0.8, 0.85)], 255, width, joint="curve")
    draw.line([at(0.32, 0.6), at(0.68, 0.6)], 255, width)
    return torch.from_numpy(np.array(canvas.reduce(fine))).float()[None] / 255


class Distractor:
    """A `Source` of images (1, 2h, w) made of a grey source's (1, h, w) and the letter.

    The half that holds the signal is a fair coin of (seed, index); `masks` is 1 on that half.
    """

    def __init__(self, inner: Source, seed: int):
        _, h, w = inner.shape
        self.inner = inner
        self.shape = (1, 2 * h, w)
        self.labels, self.names = inner.labels, inner.names
        self._letter = letter(h, w).numpy()
        self._half = np.array(  # 0: the signal is on top, 1: below
            [seed_of("distractor", seed, i) % 2 for i in range(len(inner))], dtype=np.int64
        )
        drawn = short_hash(self._letter.data)
        self.hashes = [
            short_hash(f"{digest} {drawn} {half}".encode())
            for digest, half in zip(inner.hashes, self._half, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.inner)

    def _stack(self, signal: np.ndarray, other: np.ndarray | float, index: np.ndarray) -> Tensor:
        """Return (n, 1, 2h, w) of signals (n, 1, h, w) and what lies beside them."""
        c, h, w = self.inner.shape
        halves = np.empty((len(index), 2, h, w), dtype=np.float32)
        row, half = np.arange(len(index)), self._half[index]
        halves[row, half] = signal[:, 0]
        halves[row, 1 - half] = other
        return torch.from_numpy(halves.reshape(-1, c, 2 * h, w))

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, 1, 2h, w), float32 in [0, 1]."""
        return self._stack(self.inner.read(index).numpy(), self._letter, index)

    def masks(self, index: np.ndarray) -> Tensor:
        """Return masks (n, 1, 2h, w), 1 on the half that holds the signal."""
        return self._stack(np.ones((len(index), *self.inner.shape)), 0, index)

    @property
    def tangents(self) -> Callable[[np.ndarray], Tensor | tuple[Tensor, ...]]:
        """The exact tangents of the images (n, k, 2hw), 0 on the letter; only where known within.

        They come in parts if those of the inner source do.
        """
        inner: Any = self.inner
        known = inner.tangents  # an AttributeError here says that this source has none either

        def embed(part: Tensor, index: np.ndarray) -> Tensor:
            on_top = torch.from_numpy(self._half[index] == 0)[:, None, None]
            nothing = torch.zeros_like(part)
            return torch.cat([part.where(on_top, nothing), nothing.where(on_top, part)], 2)

        def tangents(index: np.ndarray) -> Tensor | tuple[Tensor, ...]:
            parts = known(index)
            if isinstance(parts, Tensor):
                return embed(parts, index)
            return tuple(embed(part, index) for part in parts)

        return tangents


def add_distractor(found: Found, request: Request) -> Found:
    """Return the data with the letter beside every image; raises InputError unless it is grey."""
    if found.source.shape[0] != 1:
        raise InputError(
            f"distractor: needs grey images, those of {found.name} have "
            f"{found.source.shape[0]} channels; pass `channels` 1"
        )
    return replace(
        found,
        name=f"distractor-{found.name}",
        source=Distractor(found.source, request.seed),
        eps=None if isinstance(found.source, Distractor) else found.eps,
        notes=(*found.notes, "a fixed letter in the half without signal"),
    )
