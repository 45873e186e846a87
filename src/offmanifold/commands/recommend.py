"""`offmanifold recommend`."""

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

import tyro

from offmanifold.audits import Audit, common_images
from offmanifold.commands.base import print_json, print_table
from offmanifold.commands.subcommands import registered
from offmanifold.commands.sweep import Runs, Sweep
from offmanifold.errors import InputError, RunError
from offmanifold.files import write_json
from offmanifold.measures import measures
from offmanifold.measures.statistics import difference, mean_of
from offmanifold.objectives import ERM, PGD, Objective, objectives
from offmanifold.progress import note
from offmanifold.recommending import Tried, Wanted, acceptable, choose, next_strength
from offmanifold.regimes import ACCURACY
from offmanifold.registry import to_config
from offmanifold.sweeping import SweepRun, check_grid, read_sweep, strength_of

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
        objective: Any = self.objective
        start = self.start if self.start is not None else strength_of(objective)
        seed = self.runs.recipe.seed
        check_grid(objective, () if start is None else (start,), (seed,))
        assert start is not None
        wanted = self._wanted()
        sweep = replace(self.runs, split="val").open()
        sweep.make([(ERM(), seed)])
        standard = _finished(sweep, ERM(), seed)
        if standard.audit is None:
            raise RunError(
                f"the standard model came to nothing: {standard.error or standard.state}"
            )
        _value(standard.audit, wanted.measure)
        tried: list[Tried] = []
        while len(tried) < self.most - 1:
            strength = next_strength(tried, start, wanted)
            if strength is None:
                break
            one = replace(objective, **{objective.strength: strength})
            sweep.make([(one, seed)])
            tried.append(_tried(strength, _finished(sweep, one, seed), standard.audit, wanted))
        saved = self._conclude(sweep, tried, wanted, standard.audit, objective)
        write_json(sweep.folder / "recommendation.json", saved)
        self._say(saved)

    def _wanted(self) -> Wanted:
        measures[self.wanted]  # an unknown name is told before anything long is begun
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
        return Wanted(self.wanted, self.accuracy_loss, self.robust_accuracy)

    def _conclude(
        self,
        sweep: Sweep,
        tried: list[Tried],
        wanted: Wanted,
        standard: Audit,
        objective: Any,
    ) -> dict[str, Any]:
        best = choose(tried, wanted)
        ordered = sorted(tried, key=lambda t: t.strength)
        edge = best is not None and len(ordered) > 1 and best is ordered[-1]
        chosen = (
            None
            if best is None
            else _finished(
                sweep,
                replace(objective, **{objective.strength: best.strength}),
                self.runs.recipe.seed,
            )
        )
        return {
            "schema": SCHEMA,
            "objective": to_config(objective),
            "strength": objective.strength,
            "wanted": asdict(wanted),
            "judged_on": {"split": "val", "n": standard.json["data"]["n"]},
            "recommended": None if best is None else best.strength,
            "at_the_edge": edge,
            "folder": None if chosen is None else str(chosen.folder),
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
                    "value": None if t.value is None else t.value.json(),
                    "accuracy_loss": None if t.loss is None else t.loss.json(),
                    "robust_accuracy": None if t.robust is None else t.robust.json(),
                }
                for t in ordered
            ],
        }

    def _say(self, saved: dict[str, Any]) -> None:
        from offmanifold.reporting import recommendation_sentences, recommendation_table

        if self.json:
            print_json(saved)
        else:
            print_table(*recommendation_table(saved, self.language))
        for sentence in recommendation_sentences(saved, self.language):
            note(sentence)


def _finished(sweep: Sweep, objective: Objective, seed: int) -> SweepRun:
    """Return the run of an objective that `sweep.make` has just made."""
    config = to_config(objective)
    for run in read_sweep(sweep.folder):
        if (run.objective, run.seed) == (config, seed):
            return run
    raise RunError(f"the run of {objective.name} is missing in {sweep.folder}")


def _value(audit: Audit, measure: str) -> float:
    """Return a measure's value. Raises InputError that says why there is none."""
    number = audit[measure]
    if number.value is None:
        raise InputError(
            f"{measure} of {audit.label} is not known; want another measure (--wanted)"
        )
    return number.value


def _tried(strength: float, run: SweepRun, standard: Audit, wanted: Wanted) -> Tried:
    """Return what a run says, against the standard model image by image."""
    if run.state not in ("finished", "collapsed"):
        raise RunError(f"{run.folder.name} did not finish: {run.error or run.state}")
    collapsed = run.audit is None or (run.audit.json["regime"] or {}).get("name") == "collapsed"
    if run.audit is None or collapsed:
        return Tried(strength, None, None)
    mine, theirs = common_images(run.audit, standard)
    loss = difference(mean_of(ACCURACY), theirs, mine, len(mine["index"]))
    return Tried(strength, run.audit[wanted.measure], loss, run.audit[ROBUST])
