"""Make results/recommend: is the strength that `recommend` names as good as a sweep's best?

    python results/regret.py mnist

`recommend` chooses by one seed on validation images; its choice, and every strength of the sweep
that the plan names, are judged by the posterior cosine of other seeds on test images. What lies
there is taken as done.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from make import markdown
from sweep import HERE, jobs_of, keep, kept, runs_of

from offmanifold._core.files import make_folder, read_json, write_json, write_text
from offmanifold._core.registry import from_config
from offmanifold._core.statistics import (
    Columns,
    estimate_over_seeds,
    mean_of,
    paired_over_seeds,
)
from offmanifold.audits.regime import ACCURACY
from offmanifold.cli.recommend import Recommend
from offmanifold.measures import Number
from offmanifold.objectives import objectives
from offmanifold.sweeps.executors import Local
from offmanifold.sweeps.groups import Pool, Strength, methods_of
from offmanifold.sweeps.runs import read_sweep, run_jobs
from offmanifold.sweeps.sweep import open_sweep

COSINE = "alignment.cosine_posterior"
PLACE = HERE / "recommend"


def main(argv: list[str] | None = None) -> None:
    """Recommend for each method of the plan, judge, and write table.md and regret.json."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--conclude", action="store_true", help="only table and numbers")
    given = parser.parse_args(argv)
    plan = read_json(PLACE / "plan.json")[given.name]
    place = make_folder(PLACE / given.name)
    for config in plan["objectives"] if not given.conclude else ():
        recommend(config, plan, place, given.processes)
        judge(config, plan, place, given.processes)
        conclude(plan, place)
    conclude(plan, place)


def recommend(
    config: dict[str, Any], plan: dict[str, Any], place: Path, processes: int | None
) -> None:
    """Write what `recommend` says of an objective: NAME.json."""
    target = place / f"{config['name']}.json"
    if target.is_file():
        return
    sweep = read_json(HERE / plan["sweep"] / "plan.json")
    runs = runs_of({**sweep, "explain": False}, Path("runs") / f"recommend-{place.name}")
    recipe = replace(runs.recipe, seed=plan["chosen_by_seed"])
    command = Recommend(
        runs=replace(runs, recipe=recipe, jobs=processes),
        accuracy_loss=plan["accuracy_loss"],
        objective=from_config(objectives, config),
    )
    command.run()
    assert runs.out is not None
    saved = read_json(runs.out / "recommendation.json")
    standard = {k: v for k, v in saved["standard"].items() if k != "folder"}
    without = {k: v for k, v in saved.items() if k != "folder"}
    write_json(target, {**without, "standard": standard})


def judge(config: dict[str, Any], plan: dict[str, Any], place: Path, processes: int | None) -> None:
    """Train the strength recommended with the judging seeds, and audit it on test images."""
    planned = read_json(HERE / plan["sweep"] / "plan.json")
    saved = read_json(place / f"{config['name']}.json")
    if saved["recommended"] is None:
        return
    group = {"objective": config, "values": [saved["recommended"]]}
    groups = [{**group, "seeds": plan["judged_by_seeds"]}]
    sweep = open_sweep(runs_of(planned, Path("runs") / plan["sweep"]))
    for jobs in jobs_of({**planned, "groups": groups}, sweep):
        pending = [job for job in jobs if not kept(job, place)]
        for event in run_jobs(pending, sweep.folder, Local(processes), sweep.inputs):
            print(event.job.name, event.state, event.error or "", flush=True)
        for job in pending:
            keep(job, sweep.folder, place)


def conclude(plan: dict[str, Any], place: Path) -> None:
    """Write regret.json and table.md of what lies there."""
    each = [regret(config, plan, place) for config in plan["objectives"]]
    found = [one for one in each if one is not None]
    print(f"{len(found)} of {len(each)} methods are judged")
    write_json(place / "regret.json", found)
    head = ["method", "tried: cosine on val (accuracy lost)", "recommended: cosine on test"]
    head += ["sweep's best: cosine on test", "regret", "cost ÷ the sweep's"]
    rows = [
        [
            one["objective"],
            "; ".join(one["tried"]),
            f"**{one['recommended']:g}**: {_written(one['value'])}",
            f"{one['best']:g}: {_written(one['best_value'])}",
            _written(one["regret"]),
            f"{one['cost']:.2f}",
        ]
        for one in found
    ]
    write_text(place / "table.md", "\n".join([*markdown(head, rows).splitlines(), ""]))
    print((place / "table.md").read_text(encoding="utf-8"))


def regret(config: dict[str, Any], plan: dict[str, Any], place: Path) -> dict[str, Any] | None:
    """Return how far the recommended strength falls below the sweep's best, judged alike.

    The best is the strength of highest mean cosine among those that all judging seeds trained and
    whose accuracy is at most the stated loss below the standard model's. It is chosen by the
    numbers it is judged by, so that the regret is rather too large. None while runs are missing.
    """
    path = place / f"{config['name']}.json"
    if not path.is_file():
        return None
    saved = read_json(path)
    seeds = plan["judged_by_seeds"]
    runs = read_sweep(HERE / plan["sweep"])
    standard, methods = methods_of(runs)
    mine = next((m for m in methods if m.name == config["name"]), None)
    own = [m for m in methods_of(read_sweep(place))[1] if m.name == config["name"]]
    chosen = next((s for m in own for s in m.strengths if s.value == saved["recommended"]), None)
    if mine is None or chosen is None or standard is None:
        return None
    pool = Pool([a for s in (*mine.strengths, chosen, standard) for a in s.audits])
    reference = _accuracy(_columns(standard, seeds, pool))
    candidates = {
        s.value: _columns(s, seeds, pool)
        for s in mine.strengths
        if s.value is not None and set(seeds) <= set(s.seeds)
        if _accuracy(_columns(s, seeds, pool)) >= reference - plan["accuracy_loss"]
    }
    means = {v: estimate_over_seeds(mean_of(COSINE), c, pool.n) for v, c in candidates.items()}
    best = max(means, key=lambda v: means[v].value or -1.0)
    theirs = _columns(chosen, seeds, pool)
    gaps = [a[COSINE] - b[COSINE] for a, b in zip(candidates[best], theirs, strict=True)]
    return {
        "objective": config["name"],
        "recommended": saved["recommended"],
        "tried": [_tried(one) for one in saved["tried"]],
        "value": estimate_over_seeds(mean_of(COSINE), theirs, pool.n).json(),
        "best": best,
        "best_value": means[best].json(),
        "candidates": {f"{v:g}": number.json() for v, number in sorted(means.items())},
        "regret": paired_over_seeds(gaps)[0].json(),
        "cost": (1 + len(saved["tried"])) / (1 + len(mine.strengths)),  # runs, standard included
    }


def _columns(strength: Strength, seeds: Sequence[int], pool: Pool) -> list[Columns]:
    by_seed = dict(zip(strength.seeds, strength.audits, strict=True))
    return [pool.columns(by_seed[seed]) for seed in seeds]


def _accuracy(seeds: Sequence[Columns]) -> float:
    return float(np.mean([c[ACCURACY].mean() for c in seeds]))


def _tried(one: dict[str, Any]) -> str:
    if one["collapsed"]:
        return f"{one['strength']:.3g} (collapsed)"
    return (
        f"{one['strength']:.3g}: {one['value']['value']:.3f} ({one['accuracy_loss']['value']:.3f})"
    )


def _written(number: dict[str, Any] | Number) -> str:
    n = number.json() if isinstance(number, Number) else number
    return f"{n['value']:.3f} [{n['low']:.3f}, {n['high']:.3f}]"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
