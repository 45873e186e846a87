"""A gallery of images with their holes filled."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import file_hash
from offmanifold._core.progress import Bar
from offmanifold.synthesis.baselines import for_inpainting
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.galleries.from_files import Pieces, order_of_files
from offmanifold.synthesis.galleries.given import Files, Named, paths_of, read_files
from offmanifold.synthesis.gallery import Gallery, make_gallery
from offmanifold.synthesis.inpainting import inpaint
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.pictures import read_mask, read_picture
from offmanifold.synthesis.presentation import PLAIN, Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import RESULT
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.tiles import Fit, fitted


def inpaint_gallery(
    session: Session,
    files: Files,
    mask: str | Path,
    *,
    target: str | int | None = None,
    degrade: bool = False,
    fit: Fit | None = None,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Fill holes of image files, into a folder; see `make_gallery`.

    mask: a file of their size, white where pixels are to be filled. target: class of what is filled
    in; None: the method's `candidates` are tried. degrade: the files are originals, whole under the
    mask too, by which each way is judged. fit: of images unlike the model's size. Raises InputError
    for what cannot be used.
    """
    check_use(session.method, "inpaint", target)
    paths, mask = paths_of(files), Path(mask)
    holes = read_holes(paths, mask)
    y = session.target_of(target)
    given = read_files(paths, session, fit)
    x, hole = given.pieces, _cut(holes, paths, mask, session, fit)
    session = session.equipped()

    def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
        """Fill the pieces that have a hole; the others stay, with 0 steps."""
        holed = hole[rows].flatten(1).any(1)
        at = rows[holed]
        asked = None if y is None else torch.full((len(at),), y)

        def filled(method: Method, progress: Bar) -> Synthesis:
            one = {"manifold": session.manifold, "index": at, "bar": progress}
            made = inpaint(session.model, x[at], hole[at], asked, method, **one)
            return _among(made, x[rows], holed)

        made, alone = session.beside(filled, progress)
        plain = {} if degrade else {"given": x[rows]}
        plain |= {"mask": hole[rows].float().expand_as(x[rows])}
        plain |= for_inpainting(x[rows], hole[rows])
        return made, {**plain, **alone, RESULT: made.images}

    original = x if degrade else None
    pieces = Pieces(work, session.passes(y), seen="mean_fill", original=original)
    settings = {"mask": file_hash(mask), "class": y, "fit": fit, "candidates": session.tried(y)}
    order = order_of_files(session, "inpaint", given, pieces, settings)
    return make_gallery(session, order, folder, presentation)


def read_holes(paths: Sequence[Path], mask: Path) -> list[Tensor]:
    """Return the mask (1, h, w) bool for each file, whose size it must have."""
    sizes = ((x.shape[1], x.shape[2]) for x in (read_picture(p, None) for p in paths))
    return [read_mask(mask, size) for size in sizes]


def _cut(
    holes: Sequence[Tensor], paths: Sequence[Path], mask: Path, session: Session, fit: Fit | None
) -> Tensor:
    """Return the holes of all pieces (k, 1, h, w) bool; raises InputError where one cannot be."""
    h, w = session.shape[1:]
    # A pixel into which scaling has mixed the hole is not known.
    cut = [fitted(hole.float(), (h, w), fit, mask).pieces > 0 for hole in holes]
    for path, hole in zip(paths, cut, strict=True):
        if not bool(hole.any()):
            raise InputError(
                f"no white pixel of the mask {mask} is left where {path} is cropped to the model's "
                f"{h}×{w}; take `fit` tile, or crop both yourself"
            )
    hole = torch.cat(cut)
    if bool(hole.flatten(1).all(1).any()):
        mend = (
            "`fit` resize sees the whole image at once"
            if fit == "tile"
            else "crop image and mask yourself"
        )
        raise InputError(
            f"the mask {mask} is white over a whole piece of {h}×{w}, the model's size, of which "
            f"no pixel is known then; {mend}"
        )
    return hole


def _among(made: Synthesis, x: Tensor, there: Tensor) -> Synthesis:
    """Return what was made of some images, those `there` (n,), with the others of x as given."""
    whole = {}
    for name, part in vars(made).items():
        whole[name] = x.to(part, copy=True) if part.ndim > 1 else part.new_zeros(len(x))
        whole[name][there.to(part.device)] = part
    return Synthesis(**whole)
