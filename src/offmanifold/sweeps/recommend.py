"""How much robustness is right: strengths trained and judged in turn, and which to take."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.locks import held
from offmanifold._core.registry import to_config
from offmanifold._core.statistics import unpaired
from offmanifold.audits.compare import paired_difference
from offmanifold.audits.regime import ACCURACY
from offmanifold.audits.store import Audit, common_images
from offmanifold.data.config import DataConfig
from offmanifold.objectives import ERM, Objective
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.runs import SweepRun, check_grid, strength_of
from offmanifold.sweeps.search import Tried, Wanted, acceptable, choose, next_strength
from offmanifold.sweeps.sweep import Sweep, open_sweep, with_given
from offmanifold.sweeps.wanted import check_wanted

SPLIT = "val"  # test images are left for the audit of what is chosen
SCHEMA = "offmanifold.recommendation/1"
ROBUST = "accuracy.pgd_l2"
MOST = 4
FILES = ("recommendation.json", "recommendation-{objective}.json")


@dataclass(frozen=True)
class Recommendation:
    """Which strength to train with, and what was tried.

    strength: None where none is acceptable. better: whether its wanted measure is shown to be above
    the standard model's. folder: of its run. saved: recommendation.json.
    """

    strength: float | None
    better: bool
    folder: Path | None
    saved: dict[str, Any]


def recommend(
    objective: Objective,
    *,
    data: str | Path | DataConfig | None = None,
    model: str | None = None,
    wanted: str = "alignment.cosine_posterior",
    accuracy_loss: float = 0.02,
    robust_accuracy: float | None = None,
    start: float | None = None,
    most: int = MOST,
    folder: str | Path | None = None,
    executor: str | None = None,
    config: SweepConfig | None = None,
) -> Recommendation:
    """Find the strength to train with, from a few runs judged on validation images.

    wanted: the measure to be as high as possible. accuracy_loss: share of images at most that the
    standard model gets right and the recommended one may lose, net. robust_accuracy: least accuracy
    under attack. start: strength tried first; by default that of the objective. most: runs at most,
    the standard model's among them. The rest is as in `sweep`. Raises InputError for what cannot be
    wanted, RunError where runs fail.
    """
    first = start if start is not None else strength_of(objective)
    flag = "`start`" if start is not None else f"`{objective.strength}`"
    config = with_given(config or SweepConfig(), data, model, folder, executor)
    config = replace(config, audit=replace(config.audit, split=SPLIT))
    check_grid(objective, () if first is None else (first,), (config.recipe.seed,), flag)
    assert first is not None
    aim = _checked(wanted, accuracy_loss, robust_accuracy, most, config)
    opened = open_sweep(config)
    with held(opened.folder):
        found = _search(opened, objective, first, aim, most)
        for name in FILES:
            path = opened.folder / name.format(objective=objective.name.replace("_", "-"))
            write_json(path, found)
    saved = read_json(path)  # as pages read it
    best = saved["folder"]
    return Recommendation(
        saved["recommended"],
        saved["better_than_standard"],
        None if best is None else Path(best),
        saved,
    )


def _checked(
    wanted: str, loss: float, robust: float | None, most: int, config: SweepConfig
) -> Wanted:
    if not 0 <= loss < 1:
        raise InputError(f"`accuracy_loss` is a share from 0 to 1, not {loss}")
    if robust is not None and not 0 <= robust <= 1:
        raise InputError(f"`robust_accuracy` is a share from 0 to 1, not {robust}")
    if most < 2:
        raise InputError(f"`most` must be at least 2 (one is the standard model), not {most}")
    check_wanted(wanted, config)
    return Wanted(wanted, loss, robust)


def _search(
    opened: Sweep, objective: Any, start: float, wanted: Wanted, most: int
) -> dict[str, Any]:
    """Train and judge strength after strength, and return what is recommended."""
    seed = opened.config.recipe.seed
    standard = _standard(opened, seed, wanted.measure)
    tried: list[Tried] = []
    runs: dict[float, SweepRun] = {}
    while len(tried) < most - 1:
        strength = next_strength(tried, start, wanted)
        if strength is None:
            break
        one = replace(objective, **{objective.strength: strength})
        opened.make([(one, seed)])
        runs[strength] = opened.run_of(one, seed)
        tried.append(_tried(strength, runs[strength], standard, wanted))
    return _concluded(objective, tried, runs, wanted, standard)


def _standard(opened: Sweep, seed: int, wanted: str) -> Audit:
    """Train and audit the standard model. Raises where it knows nothing of what is wanted."""
    opened.make([(ERM(), seed)])
    run = opened.run_of(ERM(), seed)
    if run.audit is None:
        raise RunError(f"the standard model came to nothing: {run.error or run.state}")
    if run.audit[wanted].value is None:
        raise InputError(f"{wanted} of the standard model is not known; want another (`wanted`)")
    return run.audit


def _concluded(
    objective: Any,
    tried: Sequence[Tried],
    runs: Mapping[float, SweepRun],
    wanted: Wanted,
    standard: Audit,
) -> dict[str, Any]:
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
