"""`offmanifold inpaint`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from offmanifold.cli.galleries import presented, say
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.galleries.given import paths_of
from offmanifold.synthesis.galleries.inpainting import inpaint_gallery, read_holes
from offmanifold.synthesis.tiles import Fit


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
        read_holes(paths_of(self.files), self.mask)  # said before anything long is begun
        session = self.options.session("inpaint", self.target)
        made = inpaint_gallery(
            session,
            self.files,
            self.mask,
            target=self.target,
            degrade=self.degrade,
            fit=self.fit,
            folder=self.options.out,
            presentation=presented(self.options),
        )
        say(made, self.options)
