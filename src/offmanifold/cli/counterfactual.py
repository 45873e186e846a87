"""`offmanifold counterfactual`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.progress import Bar
from offmanifold.cli.from_files import Given, Named, gallery_of_files, read_files
from offmanifold.cli.gallery import RESULT
from offmanifold.cli.given_images import Fit
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.synthesising import Workshop, equipped, open_workshop
from offmanifold.cli.without_effect import check_use
from offmanifold.synthesis import (
    Counterfactuals,
    Method,
    Synthesis,
    as_written,
    counterfactual,
    second_best,
)
from offmanifold.synthesis.batching import in_batches
from offmanifold.synthesis.counterfactuals import AGAIN
from offmanifold.synthesis.filling import predicted

ROUNDS = 8


@dataclass(frozen=True)
class CounterfactualCommand:
    """Find the smallest change of images that changes the decision, and show what changed.

    With a manifold every step goes along it, so that the change is one that images can undergo.

    Attributes:
        files: one image or more.
        options: how.
        target: the class that they should become, by name or number; by default the second best.
        fit: of images unlike the model's size: resize scales and crops them.
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    options: Annotated[Options, tyro.conf.arg(name="")]
    target: Annotated[str | None, tyro.conf.arg(name="class")] = None
    fit: Fit | None = None

    def run(self) -> None:
        """Find, save, and say where."""
        check_use(self.options, "counterfactual")
        if self.fit == "tile":
            raise InputError("a decision is one of the whole image; give --fit resize")
        shop = open_workshop(self.options)
        target = None if self.target is None else shop.class_of(self.target)
        given = read_files(self.files, shop, self.fit, tiled=False)
        x = given.pieces
        if target is not None:
            _check_decisions(shop, given, target)
        shop = equipped(shop, best="projected")  # a change keeps to the manifold by its steps
        how = replace(shop.method.ascent, eps=None)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            images = x[rows].to(shop.device)
            y = second_best(shop.model, images)
            if target is not None:
                y = torch.full_like(y, target)

            def found(method: Method, progress: Bar) -> Counterfactuals:
                manifold = None if method.mode == "ascent" else shop.manifold
                one = {"rounds": ROUNDS, "index": rows, "bar": progress}
                changed = counterfactual(shop.model, images, y, how, manifold=manifold, **one)
                return as_written(shop.model, changed)

            made, alone = shop.beside(found, progress)
            change = made.images - made.start
            return made, {"given": x[rows], **alone, RESULT: made.images, "change": change}

        climbs = how.steps + ROUNDS * min(AGAIN, how.steps)
        steps = shop.steps(lambda method: climbs)
        settings = {"class": target, "fit": self.fit, "rounds": ROUNDS}
        gallery_of_files(shop, "counterfactual", given, work, steps, settings)


def _check_decisions(shop: Workshop, given: Given, target: int) -> None:
    """Raise InputError where the classifier decides as asked for already for all images."""
    x = given.pieces

    def seen(at: Tensor) -> Tensor:
        return predicted(shop.model, x[at].to(shop.device)).cpu()

    now = torch.cat(list(in_batches(seen, len(x), shop.size)))
    if bool((now == target).all()):
        raise InputError(
            f"the classifier says {shop.classes[target]} to {', '.join(map(str, given.paths))} "
            "already, and there is nothing to change; give another --class"
        )
