"""`offmanifold sweep`."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold.cli.subcommands import registered
from offmanifold.cli.tell_sweep import audit_asked, conclude
from offmanifold.objectives import PGD, objectives
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.sweep import RunsFailed, sweep


@dataclass(frozen=True)
class SweepCommand:
    """Train and audit an objective at several strengths and seeds, beside the standard model.

    Attributes:
        runs: how runs are made.
        values: strengths, above 0: eps of pgd, sigma of noise, weight of gradient-norm …
        seeds: of weights, order and noise, instead of --seed; every strength is trained once a
            seed.
        without_standard: leave out the standard model, which regimes need as their reference.
        limit: images an audit sees; as in audit.
        attack_eps: radius of the attack, an l2 norm per image; --eps of audit.
        explain: judge explanations too; as in audit.
        split: part of the images that is audited; as in audit.
        language: of the page and the table.
        json: print the summary as JSON on stdout.
        objective: what is minimised; its own strength is not used.
    """

    values: tuple[float, ...]
    runs: Annotated[SweepConfig, tyro.conf.arg(name="")] = field(default_factory=SweepConfig)
    seeds: tuple[int, ...] = ()
    without_standard: bool = False
    limit: int | None = None
    attack_eps: float | None = None
    explain: bool = False
    split: Literal["test", "val"] = "test"
    language: Literal["en", "ja"] = "en"
    json: bool = False
    objective: registered(objectives) = field(default_factory=PGD)  # type: ignore[valid-type]

    def run(self) -> None:
        """Sweep, and print what was found by strength."""
        audit = audit_asked(self.limit, self.attack_eps, self.explain, self.split)
        objective: Any = self.objective
        config, standard = replace(self.runs, audit=audit), not self.without_standard
        try:
            found = sweep(
                objective, self.values, seeds=self.seeds, config=config, standard=standard
            )
        except RunsFailed as error:  # what is finished is told all the same
            with suppress(InputError):  # nothing has been audited
                conclude(error.folder, self.language, self.json)
            raise
        conclude(found.folder, self.language, self.json)
