"""A gallery of images changed, by as little as turns the decision."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.progress import Bar
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.counterfactuals import (
    AGAIN,
    Counterfactuals,
    as_written,
    counterfactual,
    second_best,
)
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.filling import predicted
from offmanifold.synthesis.galleries.from_files import Pieces, order_of_files
from offmanifold.synthesis.galleries.given import Files, Given, Named, read_files
from offmanifold.synthesis.gallery import Gallery, make_gallery
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.presentation import PLAIN, Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import RESULT
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.tiles import Fit

ROUNDS = 8


def counterfactual_gallery(
    session: Session,
    files: Files,
    *,
    target: str | int | None = None,
    fit: Fit | None = None,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Change image files by as little as turns the decision, into a folder; see `make_gallery`.

    target: the class that they should become; None: the second best of each. fit: resize, of images
    unlike the model's size. With a manifold every step goes along it. Raises InputError for what
    cannot be used.
    """
    check_use(session.method, "counterfactual")
    if fit == "tile":
        raise InputError("a decision is one of the whole image; give resize as `fit`")
    wanted = session.target_of(target)
    given = read_files(files, session, fit, tiled=False)
    x = given.pieces
    if wanted is not None:
        _check_decisions(session, given, wanted)
    session = session.equipped(best="projected")  # a change keeps to the manifold by its steps
    how = replace(session.method.ascent, eps=None)

    def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
        images = x[rows].to(session.device)
        y = second_best(session.model, images)
        if wanted is not None:
            y = torch.full_like(y, wanted)

        def found(method: Method, progress: Bar) -> Counterfactuals:
            manifold = None if method.mode == "ascent" else session.manifold
            one = {"rounds": ROUNDS, "index": rows, "bar": progress}
            changed = counterfactual(session.model, images, y, how, manifold=manifold, **one)
            return as_written(session.model, changed)

        made, alone = session.beside(found, progress)
        change = made.images - made.start
        return made, {"given": x[rows], **alone, RESULT: made.images, "change": change}

    climbs = how.steps + ROUNDS * min(AGAIN, how.steps)
    pieces = Pieces(work, session.steps(lambda method: climbs))
    settings = {"class": wanted, "fit": fit, "rounds": ROUNDS}
    order = order_of_files(session, "counterfactual", given, pieces, settings)
    return make_gallery(session, order, folder, presentation)


def _check_decisions(session: Session, given: Given, target: int) -> None:
    """Raise InputError where the classifier decides as asked for already for all images."""
    x = given.pieces

    def seen(at: Tensor) -> Tensor:
        return predicted(session.model, x[at].to(session.device)).cpu()

    now = torch.cat(list(in_batches(seen, len(x), session.size)))
    if bool((now == target).all()):
        raise InputError(
            f"the classifier says {session.classes[target]} to "
            f"{', '.join(map(str, given.paths))} already, and there is nothing to change; give "
            "another `target`"
        )
