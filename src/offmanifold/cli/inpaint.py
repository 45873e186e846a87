"""`offmanifold inpaint`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import file_hash
from offmanifold._core.progress import Bar
from offmanifold.cli.from_files import Named, gallery_of_files, read_files
from offmanifold.cli.gallery import RESULT
from offmanifold.cli.given_images import Fit, fitted, read_mask, read_picture
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.synthesising import equipped, open_workshop
from offmanifold.cli.without_effect import check_use
from offmanifold.synthesis import Synthesis, inpaint
from offmanifold.synthesis.baselines import for_inpainting
from offmanifold.synthesis.methods import Method


@dataclass(frozen=True)
class Inpaint:
    """Fill holes of images; all other pixels are kept, exactly in images of 8 bits.

    Exactly as in the file, if it has the model's channels, 8 bits and no alpha, and is not scaled;
    else as they are once the image is brought to that, which is said.

    Attributes:
        files: one image or more.
        options: how.
        mask: an image of the same size, white where pixels are to be filled, black elsewhere.
        target: class of what is filled in, by name or number; by default --candidates are tried.
        degrade: the files are originals, whole under the mask too: each way is judged by how near
            it comes to them.
        fit: of images unlike the model's size: resize scales and crops them, tile works in pieces.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    options: Annotated[Options, tyro.conf.arg(name="")]
    mask: Path
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    degrade: bool = False
    fit: Fit | None = None

    def run(self) -> None:
        """Fill, save, and say where."""
        check_use(self.options, "inpaint", self.target)
        holes = [  # said before anything long is begun
            read_mask(self.mask, (x.shape[1], x.shape[2]))
            for x in (read_picture(p, None) for p in self.files)
        ]
        shop = open_workshop(self.options)
        y = None if self.target is None else shop.class_of(self.target)
        given = read_files(self.files, shop, self.fit)
        # A pixel into which scaling has mixed the hole is not known.
        cut = [
            fitted(hole.float(), shop.shape[1:], self.fit, self.mask).pieces > 0 for hole in holes
        ]
        h, w = shop.shape[1:]
        for path, hole in zip(self.files, cut, strict=True):
            if not bool(hole.any()):
                raise InputError(
                    f"no white pixel of the mask {self.mask} is left where {path} is cropped to "
                    f"the model's {h}×{w}; take --fit tile, or crop both yourself"
                )
        x, hole = given.pieces, torch.cat(cut)
        if bool(hole.flatten(1).all(1).any()):
            mend = (
                "--fit resize sees the whole image at once"
                if self.fit == "tile"
                else "crop image and mask yourself"
            )
            raise InputError(
                f"the mask {self.mask} is white over a whole piece of {h}×{w}, the model's size, "
                f"of which no pixel is known then; {mend}"
            )
        shop = equipped(shop)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            """Fill the pieces that have a hole; the others stay, with 0 steps."""
            holed = hole[rows].flatten(1).any(1)
            at = rows[holed]
            asked = None if y is None else torch.full((len(at),), y)

            def filled(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": shop.manifold, "index": at, "bar": progress}
                return _among(
                    inpaint(shop.model, x[at], hole[at], asked, method, **one), x[rows], holed
                )

            made, alone = shop.beside(filled, progress)
            plain = {} if self.degrade else {"given": x[rows]}
            plain |= {"mask": hole[rows].float().expand_as(x[rows])}
            plain |= for_inpainting(x[rows], hole[rows])
            return made, {**plain, **alone, RESULT: made.images}

        settings = {
            "mask": file_hash(self.mask),
            "class": y,
            "fit": self.fit,
            "candidates": shop.tried(y),
        }
        more = {"seen": "mean_fill", "original": x if self.degrade else None}
        gallery_of_files(shop, "inpaint", given, work, shop.passes(y), settings, **more)


def _among(made: Synthesis, x: Tensor, there: Tensor) -> Synthesis:
    """Return what was made of some images, those `there` (n,), with the others of x as given."""
    whole = {}
    for name, part in vars(made).items():
        whole[name] = x.to(part, copy=True) if part.ndim > 1 else part.new_zeros(len(x))
        whole[name][there.to(part.device)] = part
    return Synthesis(**whole)
