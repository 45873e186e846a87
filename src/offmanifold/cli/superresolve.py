"""`offmanifold superresolve`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from offmanifold.cli.galleries import presented, say
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.galleries.superresolution import superresolve_gallery
from offmanifold.synthesis.tiles import Fit


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
        session = self.options.session("superresolve", self.target)
        made = superresolve_gallery(
            session,
            self.files,
            factor=self.factor,
            target=self.target,
            degrade=self.degrade,
            fit=self.fit,
            folder=self.options.out,
            presentation=presented(self.options),
        )
        say(made, self.options)
