"""`offmanifold train`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.log import note
from offmanifold.cli.base import print_json
from offmanifold.cli.subcommands import registered
from offmanifold.data.config import DataConfig
from offmanifold.manifolds import load_manifold
from offmanifold.manifolds.resolve import find_manifold
from offmanifold.objectives import ERM, objectives
from offmanifold.training.recipe import Recipe
from offmanifold.training.train import run_name, train


@dataclass(frozen=True)
class Train:
    """Train a classifier by an objective, which is one of the subcommands.

    Attributes:
        model: small-resnet, small-resnet:relu, timm:NAME, torchvision:NAME, FILE.py:FUNCTION or a
            run; trained on from its weights if it has them.
        weights: a file of weights to begin with.
        allow_pickle: load weights that hold pickled objects, which can run code.
        allow_code: run the Python file that a run names as its model.
        images: which images.
        recipe: how long and how fast.
        manifold: a fitted manifold, for objectives that need one.
        out: folder of the run; by default runs/<objective-strength>-<hash>.
        device: auto, cpu, cuda or mps.
        precision: bf16, fp32, or auto: that of what lies there, else bf16 where the processor has
            it.
        devices: processes on this machine, each with a device of its own (cores of the CPU); they
            divide each batch.
        num_nodes: machines; more than one is passed through to lightning-fabric and untested.
        json: print the metrics as JSON on stdout.
        objective: what is minimised.
    """

    model: str = "small-resnet"
    weights: Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    images: Annotated[DataConfig, tyro.conf.arg(name="")] = field(default_factory=DataConfig)
    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)
    manifold: str | None = None
    out: Path | None = None
    device: str = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    json: bool = False
    objective: registered(objectives) = field(default_factory=ERM)  # type: ignore[valid-type]

    def run(self) -> None:
        """Train, save, and say where."""
        objective: Any = self.objective
        data = self.images.load()
        run = train(
            self.model,
            data,
            objective=objective,
            recipe=self.recipe,
            weights=self.weights,
            manifold=load_manifold(find_manifold(self.manifold)) if self.manifold else None,
            out=self.out,
            device=self.device,
            precision=self.precision,
            devices=self.devices,
            num_nodes=self.num_nodes,
            allow_pickle=self.allow_pickle,
            allow_code=self.allow_code,
        )
        accuracy = run.metrics["val_accuracy"]
        if self.json:
            print_json({"folder": str(run.folder), "val_accuracy": accuracy})
        note(f"{run_name(objective)}: validation accuracy {100 * accuracy:.1f} %, in {run.folder}")
