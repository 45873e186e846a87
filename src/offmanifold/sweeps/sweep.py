"""Sweep an objective over strengths and seeds: every run trained, audited, and found again."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from offmanifold._core.device import Engine, resolve_precision
from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import content_hash, read_json, write_json
from offmanifold._core.locks import held
from offmanifold._core.progress import live_table
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.plan import check_randomised
from offmanifold.audits.subject import adapted
from offmanifold.data.config import DataConfig
from offmanifold.data.types import Data
from offmanifold.manifolds import load_manifold
from offmanifold.manifolds.base import fitted_folder
from offmanifold.manifolds.fit import precision_of
from offmanifold.manifolds.resolve import find_manifold, resolve_manifold
from offmanifold.measures import measures
from offmanifold.models import check_code, find_run, load_model
from offmanifold.models.checkpoint import read_checkpoint, weights_hash
from offmanifold.models.load import start_content
from offmanifold.objectives import ERM, Objective
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.correlates import explain
from offmanifold.sweeps.executors import Inputs, Job
from offmanifold.sweeps.runs import (
    SweepRun,
    check_grid,
    claim_sweep,
    make_job,
    read_run,
    read_sweep,
    run_jobs,
    saved_shared,
    sweep_folder,
)
from offmanifold.sweeps.summary import summarise
from offmanifold.training.checks import check_data

SUMMARY = "summary.json"


class RunsFailed(RunError):
    """Some runs of the sweep in `folder` failed; the others are done."""

    def __init__(self, said: str, folder: Path):
        super().__init__(said)
        self.folder = folder


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found: its runs, and what they say by strength.

    folder: where it lies. summary: summary.json. `result.points("pgd")` are the strengths of an
    objective.
    """

    folder: Path
    runs: list[SweepRun]
    summary: dict[str, Any]

    def points(self, objective: str) -> list[dict[str, Any]]:
        """Return what is known of each strength of an objective, the weakest first."""
        found = [m for m in self.summary["methods"] if m["objective"] == objective]
        if not found:
            names = ", ".join(m["objective"] for m in self.summary["methods"])
            raise InputError(f'this sweep has no objective "{objective}"; it has {names}')
        return [point for method in found for point in method["points"]]


def sweep(
    objective: Objective,
    values: Sequence[float],
    *,
    data: str | Path | DataConfig | None = None,
    model: str | None = None,
    seeds: Sequence[int] = (),
    folder: str | Path | None = None,
    executor: str | None = None,
    config: SweepConfig | None = None,
    standard: bool = True,
) -> SweepResult:
    """Train and audit an objective at several strengths and seeds, beside the standard model.

    values: strengths, above 0, of the field that the objective names as its strength. data, model,
    folder, executor: as in `SweepConfig`, for short. seeds: of weights, order and noise; by default
    that of the recipe. standard: train the standard model too, which regimes need as reference.
    What is finished is found again; the same call goes on after an interruption. Raises InputError
    for what no run could be made with, RunError that names those that failed, once all others are
    done.
    """
    config = with_given(config or SweepConfig(), data, model, folder, executor)
    seeds = tuple(seeds) or (config.recipe.seed,)
    check_grid(objective, values, seeds)
    opened = open_sweep(config)
    strengths = [replace(objective, **{str(objective.strength): v}) for v in values]  # type: ignore[type-var]
    wanted = [*([ERM()] if standard else []), *strengths]
    with held(opened.folder):
        opened.make([(one, seed) for seed in seeds for one in wanted])
    return read_result(opened.folder)


def read_result(folder: str | Path) -> SweepResult:
    """Return what the sweep in a folder found, summarised as it lies there."""
    folder = Path(folder)
    return SweepResult(folder, read_sweep(folder), save_summary(folder))


def save_summary(folder: Path) -> dict[str, Any]:
    """Write summary.json of a sweep as it lies there, and return it."""
    runs = read_sweep(folder)
    write_json(folder / SUMMARY, {**summarise(runs), "explains": explain(runs)})
    return read_json(folder / SUMMARY)  # what is printed is what pages read


def with_given(
    config: SweepConfig,
    data: str | Path | DataConfig | None,
    model: str | None,
    folder: str | Path | None,
    executor: str | None,
) -> SweepConfig:
    """Return a config with what was given beside it."""
    if data is not None:
        images = data if isinstance(data, DataConfig) else replace(config.images, data=str(data))
        config = replace(config, images=images)
    given = {"model": model, "out": None if folder is None else Path(folder), "executor": executor}
    return replace(config, **{k: v for k, v in given.items() if v is not None})


def open_sweep(config: SweepConfig) -> "Sweep":
    """Load the images, fit or find the judge, and take the folder.

    Raises InputError for whatever no run of it could be made with.
    """
    check_code(config.model, config.allow_code)
    if config.weights is not None:  # the jobs, which check that it is this file, may read it
        read_checkpoint(config.weights, config.allow_pickle)
    data = config.images.load()
    check_data(data)
    there = saved_shared(config.out)
    judge, second = (
        None if spec is None else _judge(config, spec, data, there.get(name))
        for name, spec in (("judge", config.manifold), ("second", config.second))
    )
    if second is not None and (judge is None or second.card.hash == judge.card.hash):
        raise InputError("--second must be another manifold than the one that judges")
    coach = None if config.trained_with is None else find_manifold(config.trained_with)
    randomised = None if config.label_randomised is None else find_run(config.label_randomised)
    if randomised is not None:
        _check_control(config, randomised.folder, data)
    inputs = Inputs(
        _folder(judge),
        _folder(second),
        coach,
        None if randomised is None else randomised.folder,
        None if config.weights is None else config.weights.absolute(),
    )
    weights = None if config.weights is None else weights_hash(config.weights)
    start = start_content(config.model, data.classes, data.shape)
    recipe = asdict(config.recipe)
    del recipe["seed"]
    usual = AuditConfig()
    asked = {k: v for k, v in asdict(config.audit).items() if v != getattr(usual, k)}
    if config.audit.lpips is not None:
        asked["lpips"] = str(Path(config.audit.lpips).absolute())
    shared = {
        "model": config.model,
        **({} if start is None else {"start": start}),
        "weights": weights,
        "weights_content": weights,  # the same, so that folders keep the names they have
        "recipe": recipe,
        "images": asdict(config.images),
        "audit": {
            "limit": config.audit.limit,
            "eps": config.audit.eps,
            "manifold": "none" if judge is None else config.manifold,
            **asked,
            **({} if second is None else {"second": config.second}),
        },
        "data": data.fingerprint,
        "judge": None if judge is None else judge.card.hash,
        "second": None if second is None else second.card.hash,
        "coach": None if coach is None else load_manifold(coach).card.hash,
        "randomised": None if randomised is None else content_hash(randomised.config),
        "measures": sorted(measures),
    }

    def lies_there(precision: str) -> bool:
        folder = sweep_folder({**shared, "precision": precision}, config.out)
        return saved_shared(folder).get("precision") == precision

    device = Engine(config.device, "fp32").device
    shared["precision"] = resolve_precision(config.precision, device, lies_there)
    return Sweep(config, shared, claim_sweep(shared, config.out), inputs)


def _judge(config: SweepConfig, spec: str, data: Data, saved: str | None) -> Any:
    """Return the manifold of a spec; `auto` is the one of this hash, if a sweep had one."""
    precision = precision_of(saved, data) or config.precision
    return resolve_manifold(spec, data, device=config.device, precision=precision)


def _check_control(config: SweepConfig, folder: Path, data: Data) -> None:
    """Raise InputError, before anything is trained, for a control that no audit takes."""
    device = Engine(config.device, "fp32").device
    control = load_model(
        str(folder), classes=data.classes, shape=data.shape, allow_code=config.allow_code
    )
    module = adapted(control, data, None, device)
    check_randomised(module, control.card.label, data.val, device)


def _folder(manifold: Any) -> Path | None:
    folder = fitted_folder(manifold)
    return None if folder is None else folder.resolve()


@dataclass(frozen=True)
class Sweep:
    """A folder that is ready for runs."""

    config: SweepConfig
    shared: dict[str, Any]
    folder: Path
    inputs: Inputs

    def make(self, wanted: Sequence[tuple[Objective, int]]) -> None:
        """Train and audit those of (objective, seed) that are not there yet, with a live table.

        The folder is held by the caller. Raises RunError that names those that failed, once all
        others are done.
        """
        jobs = [self._job(*one) for one in wanted]
        failed: list[str] = []
        there = [job.name for job in jobs if job.done(self.folder)]
        with (
            redirect_stdout(sys.stderr),  # a cluster tells of its lost machines on stdout
            live_table([job.name for job in jobs], done=there) as show,
        ):
            executor = self.config.chosen_executor()
            for event in run_jobs(jobs, self.folder, executor, self.inputs):
                show(event.job.name, event.state, event.error)
                if event.state == "failed":
                    failed.append(event.job.name)
        if failed:
            raise RunsFailed(
                f"{len(failed)} of {len(jobs)} runs failed ({', '.join(failed)}); each folder in "
                f"{self.folder} holds a log.txt: mend what it says, and run the same command again",
                self.folder,
            )

    def run_of(self, objective: Objective, seed: int) -> SweepRun:
        """Return the run of an objective and seed that `make` has made."""
        return read_run(self.folder / self._job(objective, seed).name)

    def _job(self, objective: Objective, seed: int) -> Job:
        return make_job(self.shared, objective, seed, self.config.device)
