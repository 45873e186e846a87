"""`offmanifold recommend`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.locks import held
from offmanifold._core.progress import note
from offmanifold._core.registry import to_config
from offmanifold._core.statistics import unpaired
from offmanifold.audits.compare import paired_difference
from offmanifold.audits.regime import ACCURACY
from offmanifold.audits.store import Audit, common_images
from offmanifold.cli.base import print_json, print_table
from offmanifold.cli.subcommands import registered
from offmanifold.cli.sweep import Runs, Sweep
from offmanifold.cli.wanting import check_wanted
from offmanifold.objectives import ERM, PGD, objectives
from offmanifold.sweeps.runs import SweepRun, check_grid, strength_of
from offmanifold.sweeps.search import Tried, Wanted, acceptable, choose, next_strength

SPLIT = "val"  # test images are left for the audit of what is chosen
SCHEMA = "offmanifold.recommendation/1"
ROBUST = "accuracy.pgd_l2"
MOST = 4


@dataclass(frozen=True)
class Recommend:
    """Find the strength to train with, from at most four runs judged on validation images.

    Attributes:
        runs: how runs are made.
        wanted: the measure to be as high as possible.
        accuracy_loss: share of images at most that the standard model gets right and the
            recommended one may lose, net: 0.02 is two points of accuracy.
        robust_accuracy: least accuracy under attack, if any.
        start: strength tried first; by default that of the objective.
        most: runs at most, the standard model's among them.
        language: of what is said.
        json: print the recommendation as JSON on stdout.
        objective: what is minimised; its own strength is tried first.
    """

    runs: Annotated[Runs, tyro.conf.arg(name="")] = field(default_factory=Runs)
    wanted: str = "alignment.cosine_posterior"
    accuracy_loss: float = 0.02
    robust_accuracy: float | None = None
    start: float | None = None
    most: int = MOST
    language: Literal["en", "ja"] = "en"
    json: bool = False
    objective: registered(objectives) = field(default_factory=PGD)  # type: ignore[valid-type]

    def run(self) -> None:
        """Train, judge, train again; then recommend, and say why."""
        from offmanifold.reports.recommendation import recommendation_files

        objective: Any = self.objective
        start = self.start if self.start is not None else strength_of(objective)
        seed = self.runs.recipe.seed
        flag = "--start" if self.start is not None else f"--{objective.strength}"
        check_grid(objective, () if start is None else (start,), (seed,), flag)
        assert start is not None
        wanted = self._wanted()
        sweep = self.runs.open(SPLIT)
        with held(sweep.folder):
            saved = self._found(sweep, objective, start, seed, wanted)
            for name in recommendation_files(objective.name):
                write_json(sweep.folder / name, saved)
        self._say(read_json(sweep.folder / name))  # as pages read it

    def _found(
        self, sweep: Sweep, objective: Any, start: float, seed: int, wanted: Wanted
    ) -> dict[str, Any]:
        """Train and judge strength after strength, and return what is recommended."""
        standard = self._standard(sweep, seed)
        tried: list[Tried] = []
        runs: dict[float, SweepRun] = {}
        while len(tried) < self.most - 1:
            strength = next_strength(tried, start, wanted)
            if strength is None:
                break
            one = replace(objective, **{objective.strength: strength})
            sweep.make([(one, seed)])
            runs[strength] = sweep.run_of(one, seed)
            tried.append(_tried(strength, runs[strength], standard, wanted))
        return self._conclude(tried, runs, wanted, standard)

    def _standard(self, sweep: Sweep, seed: int) -> Audit:
        """Train and audit the standard model. Raises where it knows nothing of what is wanted."""
        sweep.make([(ERM(), seed)])
        run = sweep.run_of(ERM(), seed)
        if run.audit is None:
            raise RunError(f"the standard model came to nothing: {run.error or run.state}")
        if run.audit[self.wanted].value is None:
            raise InputError(
                f"{self.wanted} of the standard model is not known; want another (--wanted)"
            )
        return run.audit

    def _wanted(self) -> Wanted:
        if not 0 <= self.accuracy_loss < 1:
            raise InputError(f"--accuracy-loss is a share from 0 to 1, not {self.accuracy_loss}")
        if self.robust_accuracy is not None and not 0 <= self.robust_accuracy <= 1:
            raise InputError(
                f"--robust-accuracy is a share from 0 to 1, not {self.robust_accuracy}"
            )
        if self.most < 2:
            raise InputError(
                f"--most must be at least 2 (one is the standard model), not {self.most}"
            )
        check_wanted(self.wanted, self.runs)
        return Wanted(self.wanted, self.accuracy_loss, self.robust_accuracy)

    def _conclude(
        self,
        tried: Sequence[Tried],
        runs: Mapping[float, SweepRun],
        wanted: Wanted,
        standard: Audit,
    ) -> dict[str, Any]:
        objective: Any = self.objective
        best = choose(tried, wanted)
        ordered = sorted(tried, key=lambda t: t.strength)
        edge = best is not None and len(ordered) > 1 and best is ordered[-1]
        return {
            "schema": SCHEMA,
            "objective": to_config(objective),
            "strength": objective.strength,
            "wanted": asdict(wanted),
            "judged_on": {"split": SPLIT, "n": standard.json["data"]["n"]},
            "recommended": None if best is None else best.strength,
            "better_than_standard": best is not None and best.better,
            "at_the_edge": edge,
            "folder": None if best is None else str(runs[best.strength].folder),
            "standard": {
                "value": standard.json["measures"][wanted.measure],
                "accuracy": standard.json["measures"][ACCURACY],
                "folder": str(standard.folder),
            },
            "tried": [
                {
                    "strength": t.strength,
                    "acceptable": acceptable(t, wanted),
                    "collapsed": t.collapsed,
                    "value": _saved(runs[t.strength], wanted.measure),
                    "gain": None if t.gain is None else t.gain.json(),
                    "accuracy_loss": None if t.loss is None else t.loss.json(),
                    "robust_accuracy": None if t.robust is None else t.robust.json(),
                }
                for t in ordered
            ],
        }

    def _say(self, saved: dict[str, Any]) -> None:
        from offmanifold.reports import recommendation_sentences, recommendation_table

        if self.json:
            print_json(saved)
        else:
            print_table(*recommendation_table(saved, self.language))
        for sentence in recommendation_sentences(saved, self.language):
            note(sentence)


def _saved(run: SweepRun, measure: str) -> dict[str, Any] | None:
    """Return a number of a run with its controls, None where there is nothing to judge."""
    if run.audit is None or run.collapsed:
        return None
    return run.audit.json["measures"][measure]


def _tried(strength: float, run: SweepRun, standard: Audit, wanted: Wanted) -> Tried:
    """Return what a run says, against the standard model image by image."""
    if run.audit is None or run.collapsed:
        return Tried(strength, None, None)
    mine, theirs = common_images(run.audit, standard)
    loss = paired_difference(ACCURACY, theirs, mine)
    value, usual = run.audit[wanted.measure], standard[wanted.measure]
    gain = paired_difference(wanted.measure, mine, theirs) or unpaired(value, usual)
    return Tried(strength, value, loss, run.audit[ROBUST], gain)
