"""`offmanifold denoise`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.log import note
from offmanifold._core.progress import Bar
from offmanifold._core.randomness import image_noise
from offmanifold.cli.from_files import Given, Named, gallery_of_files, read_files
from offmanifold.cli.gallery import RESULT
from offmanifold.cli.given_images import Fit
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.synthesising import equipped, open_workshop
from offmanifold.cli.without_effect import check_use
from offmanifold.synthesis import Synthesis, denoise, noise_level
from offmanifold.synthesis.baselines import for_denoising
from offmanifold.synthesis.denoising import check_sigma
from offmanifold.synthesis.methods import Method


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
        check_use(self.options, "denoise")
        shop = open_workshop(self.options)
        y = None if self.target is None else shop.class_of(self.target)
        given = read_files(self.files, shop, self.fit)
        x = given.pieces
        sigma = self._sigmas(given)
        original = x if self.degrade else None
        if original is not None:
            index = torch.arange(len(x))
            z = image_noise(shop.shape, index, seed=self.options.seed, name="degrade")
            x = (x + sigma[:, None, None, None] * z).clamp(0, 1)
        shop = equipped(shop, best="manifold")
        for s in sigma.unique().tolist():
            check_sigma(s, shop.method, shop.manifold)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            asked = None if y is None else torch.full((len(rows),), y)

            def cleaned(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": shop.manifold, "index": rows, "bar": progress}
                return denoise(shop.model, x[rows], self.sigma or sigma[rows], asked, method, **one)

            made, alone = shop.beside(cleaned, progress)
            plain = {"given": x[rows], **for_denoising(x[rows], sigma[rows])}
            return made, {**plain, **alone, RESULT: made.images}

        steps = shop.steps(lambda how: 1 if how.mode == "manifold" else how.ascent.steps)
        settings = {"sigma": [round(s, 6) for s in sigma.tolist()], "class": y, "fit": self.fit}
        gallery_of_files(
            shop, "denoise", given, work, steps, settings, original=original, sigma=sigma
        )

    def _sigmas(self, given: Given) -> Tensor:
        """Return σ of each piece (n,): the one given, else estimated image by image."""
        if self.degrade and self.sigma is None:
            raise InputError("--degrade puts noise on the images; say how much with --sigma")
        if self.sigma is not None:
            if not 0 < self.sigma < float("inf"):
                raise InputError(f"--sigma must be finite and above 0, not {self.sigma}")
            return torch.full((len(given.pieces),), self.sigma)
        found, notes, without = [], [], []
        for path, tiles in zip(given.paths, given.tiles, strict=True):
            sigma = round(float(noise_level(tiles.whole(tiles.pieces)[None])), 3)
            found.append(torch.full((len(tiles.pieces),), sigma))
            if sigma > 0:
                notes.append(f"{path.name}: noise of about σ = {sigma} per pixel")
            else:
                without.append(path)
        if without:
            raise InputError(
                f"no noise is found in {', '.join(map(str, without))}, or too much there is flat "
                "black or white to tell; leave them out, or give their --sigma"
            )
        for line in notes:
            note(line)
        return torch.cat(found)
