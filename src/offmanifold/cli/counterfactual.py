"""`offmanifold counterfactual`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from offmanifold.cli.galleries import presented, say
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.galleries.counterfactuals import counterfactual_gallery
from offmanifold.synthesis.tiles import Fit


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
        session = self.options.session("counterfactual")
        made = counterfactual_gallery(
            session,
            self.files,
            target=self.target,
            fit=self.fit,
            folder=self.options.out,
            presentation=presented(self.options),
        )
        say(made, self.options)
