"""`offmanifold generate`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from offmanifold.cli.galleries import presented, say
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.galleries.generation import generate_gallery


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
        session = self.options.session("generate", needs_data=True)
        made = generate_gallery(
            session,
            self.classes,
            self.n,
            folder=self.options.out,
            presentation=presented(self.options),
        )
        say(made, self.options)
