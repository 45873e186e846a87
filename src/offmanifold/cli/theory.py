"""`offmanifold theory`."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import make_folder, target, write_atomically
from offmanifold._core.log import note
from offmanifold._core.progress import bar
from offmanifold.cli.base import print_json, print_table
from offmanifold.theorems import check_t1, check_t2, check_t3, thick_subspace
from offmanifold.theorems.t3 import ALIGNED, TOLERATED

CHECKS = {"T1": check_t1, "T2": check_t2, "T3": check_t3}
STRENGTHS = np.geomspace(1e-4, 1e5, 91)
SUFFIXES = (".svg", ".png")


@dataclass(frozen=True)
class Theory:
    """Check the theorems by numbers: each claim, what was measured, its bound, whether it holds.

    Takes some seconds. Exits with 1 where a claim does not hold.

    Attributes:
        seed: of all draws.
        figure: also draw the three regimes of theorem 3 into this .svg or .png file.
        json: print the claims as JSON on stdout.
    """

    seed: int = 0
    figure: Path | None = None
    json: bool = False

    def run(self) -> None:
        """Check, print, draw."""
        self._check_figure()
        claims = []
        with bar("checking the theorems", len(CHECKS)) as progress:
            for check in CHECKS.values():
                claims += check(self.seed)
                progress.advance()
        if self.json:
            print_json([claim.json() for claim in claims])
        else:
            print_table(
                ["", "claim", "measured", "must", "bound", "holds"],
                [
                    [
                        claim.theorem,
                        claim.claim,
                        f"{claim.measured:.3g}",
                        claim.must,
                        f"{claim.bound:g}",
                        "yes" if claim.holds else "NO",
                    ]
                    for claim in claims
                ],
            )
        if self.figure is not None:
            from offmanifold.reports.theory import draw_regimes  # matplotlib takes a second

            points = thick_subspace(STRENGTHS.tolist(), self.seed)
            shown = [(p.strength, p.rho, p.risk, p.regime) for p in points]
            format = self.figure.suffix[1:]
            bounds = (ALIGNED, TOLERATED)
            place = target(self.figure)
            write_atomically(place, lambda path: draw_regimes(shown, path, format, bounds))
            note(f"figure: {self.figure}")
        broken = [claim.claim for claim in claims if not claim.holds]
        if broken:
            raise RunError(f"{len(broken)} claims do not hold with seed {self.seed}: {broken[0]}")

    def _check_figure(self) -> None:
        """Raise InputError for a figure that cannot be drawn, before anything is computed."""
        if self.figure is None:
            return
        if self.figure.suffix not in SUFFIXES:
            raise InputError(f"--figure must end in {' or '.join(SUFFIXES)}, not {self.figure}")
        elsewhere = "choose another place with --figure"
        try:
            folder = make_folder(self.figure.parent)
        except InputError as error:
            raise InputError(
                f"cannot write {self.figure}: its folder cannot be made; {elsewhere}"
            ) from error
        if self.figure.is_dir() or not os.access(folder, os.W_OK):
            raise InputError(
                f"cannot write {self.figure}: it is a folder, or in one that is read-only; "
                + elsewhere
            )
