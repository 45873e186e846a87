"""`offmanifold counterfactual`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from offmanifold.commands.from_files import Named, gallery_of_files, read_files
from offmanifold.commands.gallery import RESULT
from offmanifold.commands.given_images import Fit
from offmanifold.commands.synthesis_options import Options
from offmanifold.commands.synthesising import equipped, open_workshop
from offmanifold.errors import InputError
from offmanifold.progress import Bar
from offmanifold.synthesis import Counterfactuals, Method, Synthesis, counterfactual, second_best
from offmanifold.synthesis.counterfactuals import AGAIN

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
        if self.fit == "tile":
            raise InputError("a decision is one of the whole image; give --fit resize")
        if self.options.eps is not None or self.options.guidance is not None:
            raise InputError("a counterfactual seeks its own --eps, and has no --guidance")
        shop = open_workshop(self.options)
        target = None if self.target is None else shop.class_of(self.target)
        given = read_files(self.files, shop, self.fit)
        x = given.pieces
        shop = equipped(shop)
        if shop.method.mode != "ascent":  # a change keeps to the manifold by its steps
            shop = replace(shop, method=replace(shop.method, mode="projected"))
        how = replace(shop.method.ascent, eps=None)

        def work(rows: Tensor, progress: Bar) -> tuple[Synthesis, Named]:
            images = x[rows].to(shop.device)
            y = second_best(shop.model, images)
            if target is not None:
                y = torch.full_like(y, target)

            def found(method: Method, progress: Bar) -> Counterfactuals:
                manifold = None if method.mode == "ascent" else shop.manifold
                one = {"rounds": ROUNDS, "index": rows, "bar": progress}
                return counterfactual(shop.model, images, y, how, manifold=manifold, **one)

            made, alone = shop.beside(found, progress)
            change = made.images - made.start
            return made, {"given": x[rows], **alone, RESULT: made.images, "change": change}

        steps = shop.method.ascent.steps + ROUNDS * min(AGAIN, shop.method.ascent.steps)
        settings = {"class": target, "fit": self.fit, "rounds": ROUNDS}
        gallery_of_files(shop, "counterfactual", given, work, steps, settings)
