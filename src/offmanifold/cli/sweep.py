"""`offmanifold sweep`."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.device import Engine, resolve_precision
from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import content_hash, inside, read_json, write_json
from offmanifold._core.locks import held
from offmanifold._core.progress import live_table, note
from offmanifold.audits.plan import check_options, check_randomised
from offmanifold.audits.run import adapted
from offmanifold.cli.base import (
    Images,
    find_manifold,
    print_json,
    print_line,
    print_table,
    resolve_manifold,
)
from offmanifold.cli.subcommands import registered
from offmanifold.data import Data
from offmanifold.manifolds import load_manifold
from offmanifold.manifolds.base import fitted_folder
from offmanifold.manifolds.fit import precision_of
from offmanifold.measures import measures
from offmanifold.models import check_code, find_run, load_model
from offmanifold.models.checkpoint import read_checkpoint, weights_hash
from offmanifold.models.load import start_content
from offmanifold.objectives import ERM, PGD, Objective, objectives
from offmanifold.sweeps.correlates import explain
from offmanifold.sweeps.executors import Executor, Inputs, Job, Local
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
from offmanifold.training.recipe import Recipe

SUMMARY = "summary.json"


@dataclass(frozen=True)
class Runs:
    """How the runs of a sweep are trained, audited and carried out.

    Attributes:
        model: what is trained; as in train.
        weights: a file of weights to begin with; its content counts, not its place.
        allow_pickle: load weights that hold pickled objects, which can run code.
        allow_code: run the Python file that a run names as its model.
        images: which images.
        recipe: how long and how fast.
        manifold: that judges all runs; as in audit.
        second: another manifold, beside which the first is held; as in audit.
        label_randomised: a model trained on permuted labels; as in audit.
        trained_with: a fitted manifold, for an objective that needs one.
        limit: images an audit sees; as in audit.
        attack_eps: radius of the attack, an l2 norm per image; --eps of audit.
        explain: judge explanations too; as in audit.
        out: folder of the sweep; by default runs/sweep-<hash>, one for the same images, model,
            recipe and audit.
        executor: local for processes of this machine, ray for a Ray cluster.
        jobs: processes at once; by default as many as fit.
        address: of the Ray cluster, host:port or auto; by default one of this machine is started.
        device: auto, cpu, cuda or mps.
        precision: of training: bf16, fp32, or auto: that of what lies there, else bf16 where the
            processor has it. What is measured is in float32.
    """

    model: str = "small-resnet"
    weights: Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    images: Annotated[Images, tyro.conf.arg(name="")] = field(default_factory=Images)
    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)
    manifold: str = "auto"
    second: str | None = None
    label_randomised: str | None = None
    trained_with: str | None = None
    limit: int | None = None
    attack_eps: float | None = None
    explain: bool = False
    out: Path | None = None
    executor: Literal["local", "ray"] = "local"
    jobs: int | None = None
    address: str | None = None
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"

    def open(self, split: str) -> "Sweep":
        """Load the images, fit or find the judge, and take the folder.

        split: part of the images that audits see, test or val.
        """
        if self.address is not None and self.executor != "ray":
            raise InputError("--address is that of a Ray cluster; add --executor ray")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs must be at least 1, not {self.jobs}")
        check_options([], limit=self.limit, eps=self.attack_eps, eps_flag="--attack-eps")
        check_code(self.model, self.allow_code)
        if self.weights is not None:  # the jobs, which check that it is this file, may read it
            read_checkpoint(self.weights, self.allow_pickle)
        data = self.images.load()
        check_data(data)
        there = saved_shared(self.out)
        judge, second = (
            None if spec is None else self._judge(spec, data, there.get(name))
            for name, spec in (("judge", self.manifold), ("second", self.second))
        )
        if second is not None and (judge is None or second.card.hash == judge.card.hash):
            raise InputError("--second must be another manifold than the one that judges")
        coach = None if self.trained_with is None else find_manifold(self.trained_with)
        randomised = None if self.label_randomised is None else find_run(self.label_randomised)
        if randomised is not None:
            self._check_randomised(randomised.folder, data)
        inputs = Inputs(
            _folder(judge),
            _folder(second),
            coach,
            None if randomised is None else randomised.folder,
            None if self.weights is None else self.weights.absolute(),
        )
        weights = None if self.weights is None else weights_hash(self.weights)
        start = start_content(self.model, data.classes, data.shape)
        recipe = asdict(self.recipe)
        del recipe["seed"]
        given = {
            "explain": self.explain or None,
            "split": split,
            "second": None if second is None else self.second,
        }
        shared = {
            "model": self.model,
            **({} if start is None else {"start": start}),
            "weights": weights,
            "weights_content": weights,  # the same, so that folders keep the names they have
            "recipe": recipe,
            "images": asdict(self.images),
            "audit": {
                "limit": self.limit,
                "eps": self.attack_eps,
                "manifold": "none" if judge is None else self.manifold,
                **{k: v for k, v in given.items() if v not in (None, "test")},
            },
            "data": data.fingerprint,
            "judge": None if judge is None else judge.card.hash,
            "second": None if second is None else second.card.hash,
            "coach": None if coach is None else load_manifold(coach).card.hash,
            "randomised": None if randomised is None else content_hash(randomised.config),
            "measures": sorted(measures),
        }

        def lies_there(precision: str) -> bool:
            folder = sweep_folder({**shared, "precision": precision}, self.out)
            return saved_shared(folder).get("precision") == precision

        device = Engine(self.device, "fp32").device
        shared["precision"] = resolve_precision(self.precision, device, lies_there)
        return Sweep(self, shared, claim_sweep(shared, self.out), inputs)

    def _judge(self, spec: str, data: Data, saved: str | None) -> Any:
        """Return the manifold of a spec; `auto` is the one of this hash, if a sweep had one."""
        precision = precision_of(saved, data) or self.precision
        return resolve_manifold(spec, data, device=self.device, precision=precision)

    def _check_randomised(self, folder: Path, data: Data) -> None:
        """Raise InputError, before anything is trained, for a control that no audit takes."""
        device = Engine(self.device, "fp32").device
        control = load_model(
            str(folder), classes=data.classes, shape=data.shape, allow_code=self.allow_code
        )
        module = adapted(control, data, None, device)
        check_randomised(module, control.card.label, data.val, device)

    def chosen_executor(self) -> Executor:
        """Return where jobs are run."""
        if self.executor == "local":
            return Local(self.jobs)
        from offmanifold.sweeps.executors.ray import Ray

        return Ray(self.address, self.jobs)


def _folder(manifold: Any) -> Path | None:
    folder = fitted_folder(manifold)
    return None if folder is None else folder.resolve()


@dataclass(frozen=True)
class Sweep:
    """A folder that is ready for runs."""

    runs: Runs
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
            executor = self.runs.chosen_executor()
            for event in run_jobs(jobs, self.folder, executor, self.inputs):
                show(event.job.name, event.state, event.error)
                if event.state == "failed":
                    failed.append(event.job.name)
        if failed:
            raise RunError(
                f"{len(failed)} of {len(jobs)} runs failed ({', '.join(failed)}); each folder in "
                f"{self.folder} holds a log.txt: mend what it says, and run the same command again"
            )

    def run_of(self, objective: Objective, seed: int) -> SweepRun:
        """Return the run of an objective and seed that `make` has made."""
        return read_run(self.folder / self._job(objective, seed).name)

    def _job(self, objective: Objective, seed: int) -> Job:
        return make_job(self.shared, objective, seed, self.runs.device)


@dataclass(frozen=True)
class SweepCommand:
    """Train and audit an objective at several strengths and seeds, beside the standard model.

    Attributes:
        runs: how runs are made.
        values: strengths, above 0: eps of pgd, sigma of noise, weight of gradient-norm …
        seeds: of weights, order and noise, instead of --seed; every strength is trained once a
            seed.
        without_standard: leave out the standard model, which regimes need as their reference.
        split: part of the images that is audited; as in audit.
        language: of the page and the table.
        json: print the summary as JSON on stdout.
        objective: what is minimised; its own strength is not used.
    """

    values: tuple[float, ...]
    runs: Annotated[Runs, tyro.conf.arg(name="")] = field(default_factory=Runs)
    seeds: tuple[int, ...] = ()
    without_standard: bool = False
    split: Literal["test", "val"] = "test"
    language: Literal["en", "ja"] = "en"
    json: bool = False
    objective: registered(objectives) = field(default_factory=PGD)  # type: ignore[valid-type]

    def run(self) -> None:
        """Sweep, and print what was found by strength."""
        objective: Any = self.objective
        seeds = self.seeds or (self.runs.recipe.seed,)
        check_grid(objective, self.values, seeds)
        sweep = self.runs.open(self.split)
        standard = [] if self.without_standard else [ERM()]
        wanted = [*standard, *(replace(objective, **{objective.strength: v}) for v in self.values)]
        with held(sweep.folder):
            try:
                sweep.make([(one, seed) for seed in seeds for one in wanted])
            except RunError:
                with suppress(InputError):  # nothing has been audited
                    conclude(sweep.folder, self.language, self.json)
                raise
            conclude(sweep.folder, self.language, self.json)


def save_summary(folder: Path) -> dict[str, Any]:
    """Write summary.json of a sweep as it lies there, and return it."""
    runs = read_sweep(folder)
    summary = {**summarise(runs), "explains": explain(runs)}
    write_json(folder / SUMMARY, summary)
    return read_json(folder / SUMMARY)  # what is printed is what pages read


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
