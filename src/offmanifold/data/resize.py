"""Any source at another size or number of channels."""

import numpy as np
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.data.pixels import resize_and_crop, to_channels
from offmanifold.data.request import Request
from offmanifold.data.types import Source


class Resized:
    """A `Source` whose images are scaled, cropped and recoloured when they are read."""

    def __init__(self, inner: Source, shape: tuple[int, int, int]):
        self.inner = inner
        self.shape = shape
        self.labels, self.names, self.hashes = inner.labels, inner.names, inner.hashes

    def __len__(self) -> int:
        return len(self.inner)

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, c, h, w), float32 in [0, 1]."""
        x = to_channels(self.inner.read(index), self.shape[0])
        return resize_and_crop(x, self.shape[1:]).clamp(0, 1)

    def masks(self, index: np.ndarray) -> Tensor | None:
        """Return masks moved like the images; a pixel counts where at least half of it did."""
        masks = self.inner.masks(index)
        return None if masks is None else (resize_and_crop(masks, self.shape[1:]) >= 0.5).float()


def resized(source: Source, request: Request, where: str) -> Source:
    """Return the source as requested: itself where its images are so already.

    Raises InputError where the images are neither grey nor RGB and channels are asked for.
    """
    c, h, w = source.shape
    shape = (request.channels or c, *(request.size or (h, w)))
    if shape == source.shape:
        return source
    if shape[0] != c and c not in (1, 3):
        raise InputError(f"images in {where} have {c} channels; only 1 and 3 can be converted")
    return Resized(source, shape)
