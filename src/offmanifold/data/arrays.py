"""Images held as one array in memory."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from offmanifold.data.pixels import short_hash, to_unit


class ArraySource:
    """A `Source` of images (n, c, h, w): uint8 in 0..255 or float32 in [0, 1], checked before."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray | None, names: Sequence[str]):
        self._pixels = np.ascontiguousarray(pixels)
        self.labels = labels
        self.names = names
        self.shape: tuple[int, int, int] = pixels.shape[1:]
        self.hashes = [short_hash(image.data) for image in self._pixels]

    def __len__(self) -> int:
        return len(self._pixels)

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, c, h, w), float32 in [0, 1]."""
        x = self._pixels[index]
        return to_unit(x) if x.dtype == np.uint8 else torch.from_numpy(x)

    def masks(self, index: np.ndarray) -> None:
        """Return None: arrays carry no signal masks."""
