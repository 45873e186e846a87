"""How the runs of a sweep are trained, audited and carried out: settings, flags and help."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold.audits.config import AuditConfig
from offmanifold.data.config import DataConfig
from offmanifold.sweeps.executors import Executor, Local
from offmanifold.sweeps.executors.inline import Inline
from offmanifold.training.recipe import Recipe


@dataclass(frozen=True)
class SweepConfig:
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
        audit: what is asked of each audit.
        out: folder of the sweep; by default runs/sweep-<hash>, one for the same images, model,
            recipe and audit.
        executor: local for processes of this machine, ray for a Ray cluster, inline for one run
            after another in this process.
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
    images: Annotated[DataConfig, tyro.conf.arg(name="")] = field(default_factory=DataConfig)
    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)
    manifold: str = "auto"
    second: str | None = None
    label_randomised: str | None = None
    trained_with: str | None = None
    audit: Annotated[AuditConfig, tyro.conf.Suppress] = field(default_factory=AuditConfig)
    out: Path | None = None
    executor: Literal["local", "ray", "inline"] = "local"
    jobs: int | None = None
    address: str | None = None
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"

    def __post_init__(self) -> None:
        if self.address is not None and self.executor != "ray":
            raise InputError("`address` is that of a Ray cluster; add `executor` ray")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"`jobs` must be at least 1, not {self.jobs}")

    def chosen_executor(self) -> Executor:
        """Return where jobs are run."""
        if self.executor == "inline":
            return Inline()
        if self.executor == "local":
            return Local(self.jobs)
        from offmanifold.sweeps.executors.ray import Ray

        return Ray(self.address, self.jobs)
