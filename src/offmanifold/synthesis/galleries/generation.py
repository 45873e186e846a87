"""A gallery of images generated, of the classes asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import plain
from offmanifold._core.progress import Bar, Unnumbered, bar
from offmanifold.data.types import Split
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.capacity import check_amount
from offmanifold.synthesis.diversity import first_of_each, of_training, within_class
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.gallery import Gallery, Order, Together, make_gallery
from offmanifold.synthesis.generation import generate
from offmanifold.synthesis.guidance import draw
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.neighbours import nearest
from offmanifold.synthesis.numbers import numbers_of
from offmanifold.synthesis.presentation import PLAIN, Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import RESULT, Diversity
from offmanifold.synthesis.seeds import fit_seeds
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.store import Row

FEWEST = 5  # images of a class from which it is said how unlike each other they are


def generate_gallery(
    session: Session,
    classes: Sequence[str | int] = (),
    n: int = 20,
    *,
    folder: str | Path | None = None,
    presentation: Presentation = PLAIN,
) -> Gallery:
    """Generate n images of classes in turn, by name or number, all by default, into a folder.

    Beside each stand what it began with, and the training image nearest to it. Goes on after an
    interruption, and finds what is finished (`make_gallery`). Raises InputError for a session
    without training images, an unknown class, or more images than memory and disk hold.
    """
    check_use(session.method, "generate")
    if session.data is None:
        raise InputError("generation begins with training images; give the session its `data`")
    check_amount(n, session.shape)
    asked = torch.tensor([session.class_of(name) for name in classes or session.classes])
    y = asked[torch.arange(n) % len(asked)]
    session, train = session.equipped(), session.data.train

    def make(first: int) -> Iterator[list[Row]]:
        return _rows(session, train, y, first)

    def about(rows: Sequence[Row]) -> Together:
        return Together(diversity=_diversity(train, y, rows))

    settings = {"asked": [session.classes[c] for c in y.tolist()]}
    return make_gallery(session, Order("generate", n, make, settings, about), folder, presentation)


def _rows(session: Session, train: Split, y: Tensor, first: int) -> Iterator[list[Row]]:
    seeds = fit_seeds(train)
    each = session.steps(passes) + (2 * session.method.draws - 1 if _tells(session) else 0)
    steps = each * -(-(len(y) - first) // session.size)
    with bar("generating", steps) as progress:

        def run(rows: Tensor) -> list[Row]:
            asked = y[rows]

            def use(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": session.manifold, "index": rows, "bar": progress}
                return generate(session.model, asked, seeds, method, **one)

            made, alone = session.beside(use, progress)
            near, distance = nearest(train, made.images)
            seed = {} if session.method.mode == "manifold" else {"seed": made.start}
            pictures = {**seed, **alone, **_conditional(session, asked, rows, progress)}
            pictures |= {RESULT: made.images, "nearest_training": near}
            numbers = numbers_of(session, made, nearest=distance)
            return [
                Row(
                    f"{plain(session.classes[asked[k]])}-{i:03d}",
                    {c: x[k].cpu() for c, x in pictures.items()},
                    numbers[k],
                )
                for k, i in enumerate(rows.tolist())
            ]

        yield from in_batches(run, len(y), session.size, first=first)


def _diversity(train: Split, y: Tensor, rows: Sequence[Row]) -> Diversity | None:
    """Return how unlike each other images of a class are: those made, and training images.

    Of classes of which there are `FEWEST`; None without such.
    """
    few = first_of_each(y[: len(rows)])
    few = few[y[few].bincount()[y[few]] >= FEWEST]
    if not len(few):
        return None
    images = torch.stack([rows[i].pictures[RESULT] for i in few.tolist()])
    made, real = within_class(images, y[few]), of_training(train, y[few])
    if made is None or real is None:
        return None
    return Diversity(made=made, real=real, n=len(few), classes=len(y[few].unique()))


def _tells(session: Session) -> bool:
    """Whether the denoiser draws here and can be told the class."""
    if session.manifold is None or session.data is None:
        return False
    drawing = session.method.mode in ("denoised", "manifold")
    return drawing and session.manifold.card.classes == session.data.classes


def _conditional(session: Session, y: Tensor, rows: Tensor, bar: Bar) -> dict[str, Tensor]:
    """Return what the denoiser draws without the classifier when it is told the class."""
    if session.manifold is None or not _tells(session):
        return {}
    y = y.to(session.device)
    alone = draw(
        session.model,
        session.manifold,
        y,
        index=rows,
        guidance=0.0,
        told=y,
        steps=session.method.draws,
        seed=session.method.ascent.seed,
        device=session.device,
        bar=Unnumbered(bar),
    )
    return {"conditional": alone}
