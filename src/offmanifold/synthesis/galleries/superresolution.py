"""A gallery of images with more pixels."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.progress import Bar
from offmanifold.synthesis.baselines import for_superresolution
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.galleries.from_files import Pieces, order_of_files
from offmanifold.synthesis.galleries.given import Files, Named, paths_of, read_files
from offmanifold.synthesis.gallery import Gallery, make_gallery
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.pictures import read_picture
from offmanifold.synthesis.presentation import PLAIN, Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import RESULT
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.superresolution import superresolve
from offmanifold.synthesis.tiles import Fit


def superresolve_gallery(
    session: Session,
    files: Files,
    *,
    factor: int | None = None,
    target: str | int | None = None,
    degrade: bool = False,
    fit: Fit | None = None,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Give image files more pixels, into a folder; see `make_gallery`.

    factor: how many times as many a side; None: what brings an image to the model's size. target:
    class of the images; None: the method's `candidates` are tried. degrade: the files are originals
    of the model's size, whose means over blocks are enlarged again, and by which each way is
    judged. fit: of images unlike the model's size ÷ factor. Raises InputError for what cannot be
    used.
    """
    check_use(session.method, "superresolve", target)
    paths, y = paths_of(files), session.target_of(target)
    r = _checked_factor(factor, None if degrade else paths[0], session)
    scale = 1 if degrade else r
    size = (session.shape[1] // scale, session.shape[2] // scale)
    given = read_files(paths, session, fit, size)
    low = F.avg_pool2d(given.pieces, r) if degrade else given.pieces
    session = session.equipped()

    def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
        asked = None if y is None else torch.full((len(rows),), y)

        def enlarged(method: Method, progress: Bar) -> Synthesis:
            one = {"manifold": session.manifold, "index": rows, "bar": progress}
            return superresolve(session.model, low[rows], r, asked, method, **one)

        made, alone = session.beside(enlarged, progress)
        plain = for_superresolution(low[rows], r)
        return made, {**plain, **alone, RESULT: made.images}

    original = given.pieces if degrade else None
    pieces = Pieces(work, session.passes(y), seen="bicubic", scale=scale, original=original)
    settings = {"factor": r, "class": y, "fit": fit, "candidates": session.tried(y)}
    order = order_of_files(session, "superresolve", given, pieces, settings)
    return make_gallery(session, order, folder, presentation)


def _checked_factor(r: int | None, first: Path | None, session: Session) -> int:
    """Return the factor given, or that of the first image to the model's size; 2 without one."""
    h, w = session.shape[1:]
    if r is None and first is not None:
        given = tuple(read_picture(first, None).shape[1:])
        r = h // given[0]
        if r < 2 or (r * given[0], r * given[1]) != (h, w):
            raise InputError(
                f"{first} is {given[0]}×{given[1]}, of which the model's {h}×{w} is no multiple of "
                "2 or more; give `factor`, with resize or tile as `fit`"
            )
    r = 2 if r is None else r
    if r < 2 or h % r or w % r:
        raise InputError(f"`factor` must be 2 or more and divide the model's {h}×{w}, not {r}")
    return r
