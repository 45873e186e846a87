"""`offmanifold denoise`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from offmanifold.cli.galleries import presented, say
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.galleries.denoising import denoise_gallery
from offmanifold.synthesis.tiles import Fit


@dataclass(frozen=True)
class Denoise:
    """Take Gaussian noise off images.

    Attributes:
        files: one image or more.
        options: how.
        sigma: of the noise, a standard deviation per pixel in [0, 1]; estimated image by image if
            not given, and asked for where flat black or white leaves too little to tell it.
        target: class of the images, by name or number; by default what the classifier sees.
        degrade: the files are originals: noise of --sigma is put on them first, and each way is
            judged by how near it comes to them.
        fit: of images unlike the model's size: resize scales and crops them, tile works in pieces.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    options: Annotated[Options, tyro.conf.arg(name="")]
    sigma: float | None = None
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    degrade: bool = False
    fit: Fit | None = None

    def run(self) -> None:
        """Denoise, save, and say where."""
        session = self.options.session("denoise")
        made = denoise_gallery(
            session,
            self.files,
            sigma=self.sigma,
            target=self.target,
            degrade=self.degrade,
            fit=self.fit,
            folder=self.options.out,
            presentation=presented(self.options),
        )
        say(made, self.options)
