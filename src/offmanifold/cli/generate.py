"""`offmanifold generate`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor

from offmanifold._core.files import plain
from offmanifold._core.progress import Bar, Unnumbered, bar
from offmanifold.cli.amount import check_amount
from offmanifold.cli.gallery import RESULT, make_gallery, numbers_of
from offmanifold.cli.kept_rows import Row
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.synthesising import Workshop, equipped, open_workshop
from offmanifold.cli.without_effect import check_use
from offmanifold.synthesis import Method, Synthesis, draw, fit_seeds, generate
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.diversity import first_of_each, of_training, within_class
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.neighbours import nearest

FEWEST = 5  # images of a class from which it is said how unlike each other they are


@dataclass(frozen=True)
class Generate:
    """Generate images of classes by a classifier's gradients, alone or guiding a denoiser.

    Beside each image stand what it began with, and the training image nearest to it.

    Attributes:
        options: how.
        classes: one class or more, by name or number; all in turn by default.
        n: how many images.
    """

    options: Annotated[Options, tyro.conf.arg(name="")]
    classes: Annotated[tuple[str, ...], tyro.conf.arg(name="class")] = ()
    n: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 20

    def run(self) -> None:
        """Generate, save, and say where."""
        check_use(self.options, "generate")
        shop = open_workshop(self.options, needs_data=True)
        check_amount(self.n, shop.shape)
        names = self.classes or shop.classes
        asked = torch.tensor([shop.class_of(name) for name in names])
        y = asked[torch.arange(self.n) % len(asked)]
        shop = equipped(shop)
        settings = {"asked": [shop.classes[c] for c in y.tolist()]}

        def make(first: int) -> Iterator[list[Row]]:
            return _rows(shop, y, first)

        def about(rows: Sequence[Row]) -> dict[str, Any]:
            return _diversity(shop, y, rows)

        make_gallery(shop, "generate", self.n, make, settings, about)


def _rows(shop: Workshop, y: Tensor, first: int) -> Iterator[list[Row]]:
    assert shop.data is not None
    train = shop.data.train
    seeds = fit_seeds(train)
    each = shop.steps(passes) + (2 * shop.method.draws - 1 if _tells(shop) else 0)
    steps = each * -(-(len(y) - first) // shop.size)
    with bar("generating", steps) as progress:

        def run(rows: Tensor) -> list[Row]:
            asked = y[rows]

            def use(method: Method, progress: Bar) -> Synthesis:
                one = {"manifold": shop.manifold, "index": rows, "bar": progress}
                return generate(shop.model, asked, seeds, method, **one)

            made, alone = shop.beside(use, progress)
            near, distance = nearest(train, made.images)
            seed = {} if shop.method.mode == "manifold" else {"seed": made.start}
            pictures = {**seed, **alone, **_conditional(shop, asked, rows, progress)}
            pictures |= {RESULT: made.images, "nearest_training": near}
            numbers = numbers_of(shop, made, nearest=distance)
            return [
                Row(
                    f"{plain(shop.classes[asked[k]])}-{i:03d}",
                    {c: x[k].cpu() for c, x in pictures.items()},
                    numbers[k],
                )
                for k, i in enumerate(rows.tolist())
            ]

        yield from in_batches(run, len(y), shop.size, first=first)


def _diversity(shop: Workshop, y: Tensor, rows: Sequence[Row]) -> dict[str, Any]:
    """Return how unlike each other images of a class are: those made, and training images.

    n: images made that count, of classes of which there are `FEWEST`; without such, nothing.
    """
    assert shop.data is not None
    few = first_of_each(y[: len(rows)])
    few = few[y[few].bincount()[y[few]] >= FEWEST]
    if not len(few):
        return {}
    images = torch.stack([rows[i].pictures[RESULT] for i in few.tolist()])
    made, real = within_class(images, y[few]), of_training(shop.data.train, y[few])
    if made is None or real is None:
        return {}
    classes = len(y[few].unique())
    return {"diversity": {"made": made, "real": real, "n": len(few), "classes": classes}}


def _tells(shop: Workshop) -> bool:
    """Whether the denoiser draws here and can be told the class."""
    drawing = shop.method.mode in ("denoised", "manifold")
    return drawing and shop.data is not None and shop.manifold.card.classes == shop.data.classes


def _conditional(shop: Workshop, y: Tensor, rows: Tensor, bar: Bar) -> dict[str, Tensor]:
    """Return what the denoiser draws without the classifier when it is told the class."""
    if not _tells(shop):
        return {}
    y, bar = y.to(shop.device), Unnumbered(bar)
    how = {"steps": shop.method.draws, "seed": shop.options.seed, "device": shop.device}
    alone = draw(shop.model, shop.manifold, y, index=rows, guidance=0.0, told=y, bar=bar, **how)
    return {"conditional": alone}
