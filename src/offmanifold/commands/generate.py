"""`offmanifold generate`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold.commands.gallery import RESULT, Row, make_gallery, rows_of
from offmanifold.commands.synthesis_options import Options
from offmanifold.commands.synthesising import Workshop, open_workshop
from offmanifold.errors import InputError
from offmanifold.progress import bar
from offmanifold.synthesis import draw, fit_seeds, generate
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.neighbours import nearest


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
        if self.n < 1:
            raise InputError(f"-n must be 1 or more, not {self.n}")
        shop = open_workshop(self.options, needs_data=True)
        names = self.classes or shop.classes
        asked = torch.tensor([shop.class_of(name) for name in names])
        y = asked[torch.arange(self.n) % len(asked)]
        settings = {"asked": [shop.classes[c] for c in y.tolist()]}
        make_gallery(shop, "generate", self.n, lambda first: _rows(shop, y, first), settings)


def _rows(shop: Workshop, y: Tensor, first: int) -> Iterator[list[Row]]:
    assert shop.data is not None
    seeds = fit_seeds(shop.data.train)
    steps = passes(shop.method) * -(-(len(y) - first) // shop.size)
    with bar("generating", steps) as progress:

        def run(rows: Tensor) -> list[Row]:
            common = {"index": rows, "manifold": shop.manifold}
            made = generate(shop.model, y[rows], seeds, shop.method, bar=progress, **common)
            pictures: dict[str, Tensor] = {}
            if shop.method.mode != "manifold":
                pictures["seed"] = made.start
            if shop.method.mode != "ascent":
                alone = generate(shop.model, y[rows], seeds, shop.alone, **common)
                pictures["ascent"] = alone.images
            if shop.denoiser is not None:
                pictures |= _denoiser_alone(shop, y[rows].to(shop.device), rows)
            near, distance = nearest(shop.data.train, made.images)  # type: ignore[union-attr]
            pictures |= {RESULT: made.images, "nearest_training": near}
            return rows_of(
                shop,
                [f"{shop.classes[int(y[i])]}-{int(i):03d}" for i in rows],
                made,
                pictures,
                {"nearest": distance},
            )

        yield from in_batches(run, len(y), shop.size, first=first)


def _denoiser_alone(shop: Workshop, y: Tensor, rows: Tensor) -> dict[str, Tensor]:
    """Return what the denoiser draws without the classifier, and when it is told the class."""
    told: dict[str, Tensor | None] = {"denoiser": None}
    if shop.data is not None and shop.manifold.card.classes == shop.data.classes:
        told["conditional"] = y
    return {
        name: draw(
            shop.model,
            shop.manifold,
            y,
            index=rows,
            guidance=0.0,
            told=classes,
            seed=shop.options.seed,
            steps=shop.method.draws,
            device=shop.device,
        )
        for name, classes in told.items()
    }
