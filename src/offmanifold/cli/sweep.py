"""`offmanifold sweep`."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import inside
from offmanifold._core.log import note
from offmanifold.audits.config import AuditConfig
from offmanifold.cli.base import print_json, print_line, print_table
from offmanifold.cli.subcommands import registered
from offmanifold.objectives import PGD, objectives
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.sweep import SUMMARY, RunsFailed, save_summary, sweep


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


def audit_asked(
    limit: int | None, eps: float | None, explain: bool, split: Literal["test", "val"]
) -> AuditConfig:
    """Return what the flags of a sweep ask of audits. Raises InputError that names the flags."""
    try:
        return AuditConfig(limit=limit, eps=eps, explain=explain, split=split)
    except InputError as error:
        raise InputError(str(error).replace("`eps`", "`attack_eps`")) from None


def conclude(folder: Path, language: str, as_json: bool) -> None:
    """Summarise a sweep as it lies there, and print its tables; write its page."""
    from offmanifold.reports import (
        all_collapsed,
        method_name,
        sweep_boundaries,
        sweep_ceiling,
        sweep_page,
        sweep_tables,
    )

    summary = save_summary(folder)
    if as_json:
        print_json(summary)
    else:
        for title, table in sweep_tables(summary, language):
            print_line(title)
            print_table(*table)
    lost = all_collapsed(summary, language)
    if lost:
        note(lost)
    for method in summary["methods"] if not lost else ():
        for sentence in sweep_boundaries(method, language):
            note(f"{method_name(method)}: {sentence}")
    if ceiling := sweep_ceiling(summary, language):
        note(ceiling)
    page = inside(folder, "report.html", source=folder / SUMMARY)
    note(f"page: {sweep_page(folder / SUMMARY, page, language)}")
