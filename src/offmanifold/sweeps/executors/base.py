"""The contract of an executor: where the jobs of a sweep are run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from offmanifold._core.errors import InputError
from offmanifold._core.files import content_hash, read_json

OUTCOME, JOB, LOG = "outcome.json", "job.json", "log.txt"
State = Literal["started", "finished", "collapsed", "failed", "refused"]


@dataclass(frozen=True)
class Job:
    """One run of a sweep: what `python -m offmanifold.sweeps.job` trains and audits.

    name: of its folder, below that of the sweep. config: plain JSON, all that changes the numbers.
    """

    name: str
    config: dict[str, Any]

    @property
    def digest(self) -> str:
        """12 hex digits of the config, whatever the device."""
        return content_hash({k: v for k, v in self.config.items() if k != "device"})

    def done(self, root: Path) -> bool:
        """Whether this very job has been run to its end, or is known to collapse."""
        outcome = read_outcome(root / self.name)
        return (
            outcome is not None
            and damaged_file(root / self.name) is None
            and outcome["digest"] == self.digest
            and outcome["state"] in ("finished", "collapsed")
        )


@dataclass(frozen=True)
class Inputs:
    """Folders, and a file, that every job reads, where there are any.

    judge: the manifold that judges. second: the one beside which it is held. coach: the one to
    train with. randomised: the run trained on permuted labels. weights: the file to begin with.
    """

    judge: Path | None = None
    second: Path | None = None
    coach: Path | None = None
    randomised: Path | None = None
    weights: Path | None = None

    def given(self) -> dict[str, Path]:
        """Return those that are there by name."""
        return {name: path for name, path in vars(self).items() if path is not None}


@dataclass(frozen=True)
class Event:
    """What became of a job; error: one sentence where it did not finish."""

    job: Job
    state: State
    error: str | None = None


class Executor(Protocol):
    """Runs jobs; `run` yields an event as each starts and ends, and leaves each run's folder below
    root as the job made it. Closed early, it stops what is under way."""

    def run(self, jobs: Sequence[Job], root: Path, inputs: Inputs) -> Iterator[Event]: ...


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """Return what a job said of its end, or None where it has not come to one, or it is damaged."""
    return _read(folder / OUTCOME, _is_outcome)


def read_config(folder: Path) -> dict[str, Any] | None:
    """Return the config of the job that a folder is of, or None where it is of none, or damaged."""
    return _read(folder / JOB, _is_config)


def damaged_file(folder: Path) -> Path | None:
    """Return the file of a run, of those that say what it is and how it ended, that is damaged."""
    files = [(folder / JOB, _is_config), (folder / OUTCOME, _is_outcome)]
    for path, fits in files:
        if path.is_file() and _read(path, fits) is None:
            return path
    config, outcome = (_read(*one) for one in files)
    if outcome is not None and config is None:
        return folder / JOB  # lost
    if config is not None and outcome is not None and Job("", config).digest != outcome["digest"]:
        return folder / JOB
    return None


def _read(path: Path, fits: Callable[[Any], bool]) -> dict[str, Any] | None:
    """Return what is saved if it is what it should be."""
    try:
        saved = read_json(path)
    except InputError:
        return None
    return saved if isinstance(saved, dict) and fits(saved) else None


def _is_outcome(saved: dict[str, Any]) -> bool:
    states = ("finished", "collapsed", "failed", "refused")
    return {"error", "digest"} <= saved.keys() and saved.get("state") in states


def _is_config(saved: dict[str, Any]) -> bool:
    train, audit = (saved.get(key) for key in ("train", "audit"))
    if not isinstance(train, dict) or not isinstance(audit, dict) or "label" not in audit:
        return False
    objective, recipe = (train.get(key) for key in ("objective", "recipe"))
    return isinstance(objective, dict) and isinstance(recipe, dict) and "seed" in recipe


def ended(job: Job, folder: Path, code: int) -> Event:
    """Return the event of a job whose process has ended with an exit code."""
    outcome = read_outcome(folder)
    if outcome is not None and outcome["digest"] == job.digest:
        return Event(job, outcome["state"], outcome.get("error"))
    log = folder / LOG
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.is_file() else []
    said = lines[-1] if lines else "it said nothing"
    return Event(job, "failed", f"its process ended with code {code}: {said}")
