"""`offmanifold inpaint`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold.commands.from_files import Named, gallery_of_files, read_files
from offmanifold.commands.gallery import RESULT
from offmanifold.commands.given_images import Fit, fitted, read_mask, read_picture
from offmanifold.commands.synthesis_options import Options
from offmanifold.commands.synthesising import open_workshop
from offmanifold.errors import InputError
from offmanifold.files import file_hash
from offmanifold.progress import Bar
from offmanifold.synthesis import Synthesis, inpaint
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.baselines import for_inpainting
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.methods import Method


@dataclass(frozen=True)
class Inpaint:
    """Fill holes of images; all other pixels are kept exactly.

    Attributes:
        files: one image or more.
        options: how.
        mask: an image of the same size, white where pixels are to be filled, black elsewhere.
        target: class of what is filled in, by name or number; by default what the classifier sees.
        fit: of images unlike the model's size: resize scales and crops them, tile works in pieces.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    options: Annotated[Options, tyro.conf.arg(name="")]
    mask: Path
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    fit: Fit | None = None

    def run(self) -> None:
        """Fill, save, and say where."""
        holes = [  # said before anything long is begun
            read_mask(self.mask, (x.shape[1], x.shape[2]))
            for x in (read_picture(p, None) for p in self.files)
        ]
        shop = open_workshop(self.options)
        given = read_files(self.files, shop, self.fit)
        cut = [
            fitted(hole.float(), shop.shape[1:], self.fit, self.mask).pieces > 0.5 for hole in holes
        ]
        x, hole = given.pieces, torch.cat(cut)
        if bool(hole.flatten(1).all(1).any()):
            raise InputError(
                f"the mask {self.mask} covers a whole piece of the model's size, of which nothing "
                "is known then; --fit resize sees the whole image at once"
            )
        y = None if self.target is None else shop.class_of(self.target)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            """Fill the pieces that have a hole; the others stay, with 0 steps."""
            at = rows[hole[rows].flatten(1).any(1)]
            asked = None if y is None else torch.full((len(at),), y)

            def filled(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": shop.manifold, "index": at, "bar": progress}
                return inpaint(shop.model, x[at], hole[at], asked, method, **one)

            made = filled(shop.method, progress)
            pictures = {"given": x[rows], "mask": hole[rows].float().expand_as(x[rows])}
            pictures |= for_inpainting(x[rows], hole[rows])
            if shop.denoiser is not None:
                pictures["denoiser"] = _spread(filled(shop.denoiser, SILENT).images, x, rows, at)
            if shop.method.mode != "ascent":
                pictures["ascent"] = _spread(filled(shop.alone, SILENT).images, x, rows, at)
            pictures[RESULT] = _spread(made.images, x, rows, at)
            return _all(made, pictures[RESULT], rows, at), pictures

        settings = {"mask": file_hash(self.mask), "class": y, "fit": self.fit}
        gallery_of_files(shop, "inpaint", given, work, passes(shop.method), settings)


def _spread(part: Tensor, x: Tensor, rows: Tensor, at: Tensor) -> Tensor:
    """Return the pieces of `rows`, those of `at` (some of them) replaced."""
    result = x[rows].clone()
    result[torch.isin(rows, at)] = part.to(result)
    return result


def _all(made: Synthesis, images: Tensor, rows: Tensor, at: Tensor) -> Synthesis:
    """Return what was made for all of `rows`: nothing where there was no hole."""
    if len(rows) == len(at):
        return made
    there = torch.isin(rows, at)

    def spread(values: Tensor) -> Tensor:
        result = values.new_zeros(len(rows), *values.shape[1:])
        result[there.to(values.device)] = values
        return result

    start = images.to(made.images).clone()
    start[there] = made.start
    return Synthesis(
        images=images.to(made.images),
        start=start,
        y=spread(made.y),
        objective=spread(made.objective),
        norms=spread(made.norms),
        steps=spread(made.steps),
    )
