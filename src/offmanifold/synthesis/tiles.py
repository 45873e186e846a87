"""Images brought to the size that a model takes: scaled, or cut into pieces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.data.pixels import resize_and_crop

Fit = Literal["resize", "tile"]


@dataclass(frozen=True)
class Tiles:
    """An image cut into pieces of one size: rows × columns of them, its edges repeated to fill.

    pieces: (rows · columns, c, h, w). size: (height, width) of the whole.
    """

    pieces: Tensor
    rows: int
    columns: int
    size: tuple[int, int]

    def whole(self, pieces: Tensor, scale: int = 1) -> Tensor:
        """Return pieces put together again (c, height, width), each enlarged `scale` times."""
        _, c, h, w = pieces.shape
        grid = pieces.reshape(self.rows, self.columns, c, h, w).permute(2, 0, 3, 1, 4)
        joined = grid.reshape(c, self.rows * h, self.columns * w)
        return joined[:, : self.size[0] * scale, : self.size[1] * scale]


def cut(x: Tensor, size: tuple[int, int]) -> Tiles:
    """Return an image (c, height, width) as pieces of a size (h, w)."""
    (height, width), (h, w) = x.shape[1:], size
    rows, columns = -(-height // h), -(-width // w)
    padded = F.pad(x[None], (0, columns * w - width, 0, rows * h - height), mode="replicate")[0]
    grid = padded.reshape(len(x), rows, h, columns, w).permute(1, 3, 0, 2, 4)
    return Tiles(grid.reshape(rows * columns, len(x), h, w), rows, columns, (height, width))


def fitted(
    x: Tensor, size: tuple[int, int], fit: Fit | None, path: Path, *, tiled: bool = True
) -> Tiles:
    """Return an image as pieces of the size (h, w) that a model takes: one, if it is of that size.

    fit: resize scales it and crops the middle, tile cuts it. tiled: whether the use can work in
    pieces, so that tile may be advised. Raises InputError for another size without either.
    """
    if tuple(x.shape[1:]) == size or fit == "tile":
        return cut(x, size)
    if fit is None:
        given, wanted = (f"{s[0]}×{s[1]}" for s in (tuple(x.shape[1:]), size))
        larger = x.shape[1] >= size[0] and x.shape[2] >= size[1]
        tile = ", `fit` tile works on it in pieces of that size" if tiled and larger else ""
        raise InputError(
            f"{path} is {given} and {wanted} is needed; `fit` resize scales it and crops its "
            f"middle{tile}"
        )
    return cut(resize_and_crop(x[None], size)[0], size)
