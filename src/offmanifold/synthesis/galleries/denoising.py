"""A gallery of images without their noise."""

from pathlib import Path

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.log import note
from offmanifold._core.progress import Bar
from offmanifold._core.randomness import image_noise
from offmanifold.synthesis.baselines import for_denoising
from offmanifold.synthesis.denoising import check_sigma, denoise, noise_level
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.galleries.from_files import Pieces, order_of_files
from offmanifold.synthesis.galleries.given import Files, Given, Named, read_files
from offmanifold.synthesis.gallery import Gallery, make_gallery
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.presentation import PLAIN, Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import RESULT
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.tiles import Fit


def denoise_gallery(
    session: Session,
    files: Files,
    *,
    sigma: float | None = None,
    target: str | int | None = None,
    degrade: bool = False,
    fit: Fit | None = None,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Take Gaussian noise off image files, into a folder; see `make_gallery`.

    sigma: of the noise, a standard deviation per pixel; None: estimated image by image. target:
    class of the images; None: what the classifier sees. degrade: the files are originals, noise of
    this sigma is put on them, and each way is judged by how near it comes to them. fit: of images
    unlike the model's size. Raises InputError for what cannot be used.
    """
    check_use(session.method, "denoise")
    y = session.target_of(target)
    given = read_files(files, session, fit)
    x, level = given.pieces, _sigmas(given, sigma, degrade)
    original = x if degrade else None
    if degrade:
        seed = session.method.ascent.seed
        z = image_noise(session.shape, torch.arange(len(x)), seed=seed, name="degrade")
        x = (x + level[:, None, None, None] * z).clamp(0, 1)
    session = session.equipped(best="manifold")
    for s in level.unique().tolist():
        check_sigma(s, session.method, session.manifold)

    def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
        asked = None if y is None else torch.full((len(rows),), y)

        def cleaned(method: Method, progress: Bar) -> Synthesis:
            one = {"manifold": session.manifold, "index": rows, "bar": progress}
            return denoise(session.model, x[rows], sigma or level[rows], asked, method, **one)

        made, alone = session.beside(cleaned, progress)
        plain = {"given": x[rows], **for_denoising(x[rows], level[rows])}
        return made, {**plain, **alone, RESULT: made.images}

    steps = session.steps(lambda how: 1 if how.mode == "manifold" else how.ascent.steps)
    pieces = Pieces(work, steps, original=original, numbers={"sigma": level})
    settings = {"sigma": [round(s, 6) for s in level.tolist()], "class": y, "fit": fit}
    order = order_of_files(session, "denoise", given, pieces, settings)
    return make_gallery(session, order, folder, presentation)


def _sigmas(given: Given, sigma: float | None, degrade: bool) -> Tensor:
    """Return σ of each piece (n,): the one given, else estimated image by image."""
    if degrade and sigma is None:
        raise InputError("`degrade` puts noise on the images; say how much with `sigma`")
    if sigma is not None:
        if not 0 < sigma < float("inf"):
            raise InputError(f"`sigma` must be finite and above 0, not {sigma}")
        return torch.full((len(given.pieces),), sigma)
    found, notes, without = [], [], []
    for path, tiles in zip(given.paths, given.tiles, strict=True):
        level = round(float(noise_level(tiles.whole(tiles.pieces)[None])), 3)
        found.append(torch.full((len(tiles.pieces),), level))
        if level > 0:
            notes.append(f"{path.name}: noise of about σ = {level} per pixel")
        else:
            without.append(path)
    if without:
        raise InputError(
            f"no noise is found in {', '.join(map(str, without))}, or too much there is flat "
            "black or white to tell; leave them out, or give their `sigma`"
        )
    for line in notes:
        note(line)
    return torch.cat(found)
