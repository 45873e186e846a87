"""Sweeps: one objective at several strengths and seeds, each run trained and audited alike.

A sweep's folder holds `sweep.json` (what all its runs share), a folder a run, and `index.jsonl` (a
line a run that came to an end). What lies there is taken as done, so that a sweep can be stopped at
any moment, begun again, and grow by strengths, seeds and objectives.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.files import inside, make_folder, read_json, target, write_json, write_text
from offmanifold._core.folders import recover
from offmanifold._core.log import note
from offmanifold._core.registry import to_config
from offmanifold._core.runs import ROOT, dated, identity
from offmanifold.audits.store import AUDITS, Audit, read_audit
from offmanifold.objectives import Objective
from offmanifold.sweeps.executors import Event, Executor, Inputs, Job, read_outcome
from offmanifold.sweeps.executors.base import JOB, OUTCOME, damaged_file, read_config
from offmanifold.training.train import run_name

SCHEMA = "offmanifold.sweep/1"
SHARED, INDEX = "sweep.json", "index.jsonl"


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep: its objective (name and fields), seed, state and audit.

    state: finished, collapsed (training diverged), or unfinished. audit: of a finished run.
    """

    folder: Path
    objective: dict[str, Any]
    seed: int
    state: str
    error: str | None
    audit: Audit | None

    @property
    def collapsed(self) -> bool:
        """Whether training diverged, or came to something no better than the commonest class."""
        regime = None if self.audit is None else self.audit.json["regime"]
        return self.state == "collapsed" or (regime or {}).get("name") == "collapsed"


def strength_of(objective: Objective) -> float | None:
    """Return the value of an objective's strength, None for one that has none."""
    return None if objective.strength is None else float(getattr(objective, objective.strength))


def check_grid(
    objective: Objective, values: Sequence[float], seeds: Sequence[int], flag: str = "`values`"
) -> None:
    """Raise InputError for strengths and seeds that make no sweep; flag: where values are given."""
    if objective.strength is None:
        raise InputError(
            f"{objective.name} has no strength to sweep; choose another objective, such as pgd"
        )
    if not values:
        raise InputError(f"no strengths given; name some values of {objective.strength}: {flag}")
    for value in values:
        if not 0 < value < float("inf"):
            raise InputError(
                f"{flag} holds {value:g}; strengths must be above 0 and finite "
                "(the standard model is trained beside them in any case)"
            )
    for name, given in ((flag, values), ("`seeds`", seeds)):
        twice = [v for i, v in enumerate(given) if v in given[:i]]
        if twice:
            raise InputError(f"{name} holds {twice[0]:g} twice; name each once")


def make_job(shared: dict[str, Any], objective: Objective, seed: int, device: str) -> Job:
    """Return the job of one run; shared: what all runs of the sweep have in common.

    Weights count by the hash of their file, wherever it lies.
    """
    train = {
        **{key: shared[key] for key in ("model", "start", "weights", "precision") if key in shared},
        "recipe": {**shared["recipe"], "seed": seed},
        "objective": to_config(objective),
    }
    name = f"{run_name(objective)}-s{seed}"
    digits = identity({**train, "data": shared["data"], "coach": shared["coach"]})
    config = {
        **dated({}),
        "train": train,
        "images": shared["images"],
        "audit": {**shared["audit"], "label": name},
        "data": shared["data"],
        "judge": shared["judge"],
        "second": shared["second"],
        "coach": shared["coach"],
        "randomised": shared["randomised"],
        "measures": shared["measures"],
        "device": device,
    }
    return Job(f"{name}-{digits}", config)


def _fixed(shared: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in dated(shared).items() if key != "measures"}


def sweep_folder(shared: dict[str, Any], out: Path | None) -> Path:
    """Return `out`, or `runs/sweep-<hash>` of what the runs share."""
    return target(out) if out is not None else ROOT / f"sweep-{identity(_fixed(shared))}"


def saved_shared(folder: Path | None) -> dict[str, Any]:
    """Return what the runs of the sweep in a folder share; nothing where there is none."""
    path = None if folder is None else folder / SHARED
    saved = read_json(path) if path is not None and path.is_file() else None
    return saved if isinstance(saved, dict) else {}


def claim_sweep(shared: dict[str, Any], out: Path | None) -> Path:
    """Return the folder of a sweep whose runs share this.

    Raises InputError where it holds a sweep of which anything but strengths, seeds and objectives
    differs.
    """
    fixed = _fixed(shared)
    folder = make_folder(sweep_folder(shared, out))
    path = folder / SHARED
    if path.is_file():
        saved = saved_shared(folder)
        now = json.loads(json.dumps(fixed))
        others = [key for key in now if saved.get(key) != now[key]]
        if others:
            raise InputError(
                f"{folder} holds a sweep with another {others[0]} "
                f"({_short(saved.get(others[0]))}, not {_short(now[others[0]])}); "
                "choose another folder with `out`"
            )
    write_json(path, {"schema": SCHEMA, **fixed})
    return folder


def run_jobs(
    jobs: Sequence[Job], folder: Path, executor: Executor, inputs: Inputs
) -> Iterator[Event]:
    """Run the jobs that are not done; yield an event as each starts and ends.

    Keeps index.jsonl, whole at any moment; the folder is held by the caller. Raises InputError as
    soon as a job refuses what it was given, since all others would; a job that fails is told and
    the rest go on.
    """
    for job in jobs:
        recover(inside(folder, job.name, source=folder / SHARED))
    pending = [job for job in jobs if not job.done(folder)]
    lines = write_index(folder, {job.name for job in pending})
    with closing(executor.run(pending, folder, inputs)) as events:  # type: ignore[type-var]
        for event in events:
            if event.state != "started":
                lines.append(_line(folder / event.job.name))
                write_text(folder / INDEX, "".join(lines))
            yield event
            if event.state == "refused":
                raise InputError(event.error or f"{event.job.name} was refused")


def read_sweep(folder: Path) -> list[SweepRun]:
    """Return the runs of a sweep as they lie there, finished or not; damaged ones are named.

    Raises InputError for a folder without a sweep, or with an empty one.
    """
    if not (folder / SHARED).is_file():
        raise InputError(f"{folder} holds no sweep; make one with offmanifold sweep")
    for path in _damaged(folder):
        note(
            f"{path} is damaged or lost, and its run is left out: run the sweep's command again, "
            f"which mends it, or remove {path.parent}"
        )
    runs = [read_run(run) for run in _folders(folder)]
    if not runs:
        raise InputError(f"the sweep in {folder} has no run yet; run its command again")
    return runs


def write_index(folder: Path, pending: Collection[str] = ()) -> list[str]:
    """Write index.jsonl anew from what lies in the folder, and return its lines.

    pending: names of runs that are about to be done again.
    """
    ends = [run for run in _folders(folder) if read_outcome(run) and run.name not in pending]
    lines = [_line(run) for run in ends]
    write_text(folder / INDEX, "".join(lines))
    return lines


def _folders(folder: Path) -> list[Path]:
    """Return the folders of a sweep's runs, without damaged ones."""
    return [run for run in _all(folder) if damaged_file(run) is None and read_config(run)]


def _damaged(folder: Path) -> list[Path]:
    return [path for run in _all(folder) if (path := damaged_file(run)) is not None]


def _all(folder: Path) -> list[Path]:
    return sorted({p.parent for name in (JOB, OUTCOME) for p in folder.glob(f"*/{name}")})


def read_run(folder: Path) -> SweepRun:
    """Return a run of a sweep as it lies in its folder."""
    config = read_json(folder / JOB)
    outcome = read_outcome(folder) or {"state": "unfinished", "error": None}
    finished, audit = outcome["state"] == "finished", None
    if finished:
        audit = _own_audit(folder, config["audit"]["label"], outcome.get("audit"))
    lost = audit is None and finished
    return SweepRun(
        folder,
        config["train"]["objective"],
        config["train"]["recipe"]["seed"],
        "unfinished" if lost else outcome["state"],
        outcome["error"],
        audit,
    )


def _own_audit(folder: Path, label: str, named: str | None) -> Audit | None:
    """Return the audit that the job made, under its label: others of the run were made by hand.

    named: its folder, which jobs of earlier versions do not say; by the label alone then.
    """
    if named is not None:
        own = inside(folder, AUDITS, named, source=folder / OUTCOME)
        if not (own / "audit.json").is_file():
            return None
        audit = read_audit(own)
        return replace(audit, json={**audit.json, "label": label})
    found = sorted(folder.glob("audits/*/audit.json"), key=lambda p: p.stat().st_mtime)
    own = (read_audit(path.parent) for path in reversed(found))
    return next((audit for audit in own if audit.label == label), None)


def _line(folder: Path) -> str:
    """Return the line of the index for a run: what it was, how it ended, its numbers."""
    run, outcome = read_run(folder), read_outcome(folder) or {}
    measures = {} if run.audit is None else run.audit.json["measures"]
    return (
        json.dumps(
            {
                "folder": folder.name,
                "objective": run.objective,
                "seed": run.seed,
                "state": run.state,
                "error": run.error,
                "seconds": outcome.get("seconds"),
                "measures": {
                    name: {k: number[k] for k in ("value", "low", "high")}
                    for name, number in measures.items()
                },
            },
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
