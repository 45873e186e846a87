"""`offmanifold superresolve`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.progress import Bar
from offmanifold.cli.from_files import Named, gallery_of_files, read_files
from offmanifold.cli.gallery import RESULT
from offmanifold.cli.given_images import Fit, read_picture
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.synthesising import Workshop, equipped, open_workshop
from offmanifold.cli.without_effect import check_use
from offmanifold.synthesis import Synthesis, superresolve
from offmanifold.synthesis.baselines import for_superresolution
from offmanifold.synthesis.methods import Method


@dataclass(frozen=True)
class Superresolve:
    """Give images more pixels, such that their means over blocks are the pixels given.

    In files of 8 bits they are so up to rounding.

    Attributes:
        files: one small image or more.
        options: how.
        factor: how many times as many pixels a side; by default what brings an image to the model's
            size.
        target: class of the images, by name or number; by default --candidates are tried.
        degrade: the files are originals of the model's size: their means over blocks are enlarged
            again, and each way is judged by how near it comes to them.
        fit: of images unlike the model's size ÷ factor: resize scales and crops them first, tile
            works in pieces.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    options: Annotated[Options, tyro.conf.arg(name="")]
    factor: int | None = None
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    degrade: bool = False
    fit: Fit | None = None

    def run(self) -> None:
        """Enlarge, save, and say where."""
        check_use(self.options, "superresolve", self.target)
        shop = open_workshop(self.options)
        y = None if self.target is None else shop.class_of(self.target)
        r = self._factor(shop)
        scale = 1 if self.degrade else r
        size = (shop.shape[1] // scale, shop.shape[2] // scale)
        given = read_files(self.files, shop, self.fit, size)
        low = F.avg_pool2d(given.pieces, r) if self.degrade else given.pieces
        shop = equipped(shop)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            asked = None if y is None else torch.full((len(rows),), y)

            def enlarged(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": shop.manifold, "index": rows, "bar": progress}
                return superresolve(shop.model, low[rows], r, asked, method, **one)

            made, alone = shop.beside(enlarged, progress)
            plain = for_superresolution(low[rows], r)
            return made, {**plain, **alone, RESULT: made.images}

        settings = {"factor": r, "class": y, "fit": self.fit, "candidates": shop.tried(y)}
        more = {"seen": "bicubic", "original": given.pieces if self.degrade else None}
        gallery_of_files(
            shop, "superresolve", given, work, shop.passes(y), settings, scale=scale, **more
        )

    def _factor(self, shop: Workshop) -> int:
        """Return the factor given, or that of the first image to the model's size."""
        h, w = shop.shape[1:]
        r = self.factor
        if r is None and self.files and not self.degrade:
            given = tuple(read_picture(self.files[0], None).shape[1:])
            r = h // given[0]
            if r < 2 or (r * given[0], r * given[1]) != (h, w):
                raise InputError(
                    f"{self.files[0]} is {given[0]}×{given[1]}, of which the model's {h}×{w} is no "
                    "multiple of 2 or more; give --factor, with --fit resize or --fit tile"
                )
        r = 2 if r is None else r
        if r < 2 or h % r or w % r:
            raise InputError(f"--factor must be 2 or more and divide the model's {h}×{w}, not {r}")
        return r
