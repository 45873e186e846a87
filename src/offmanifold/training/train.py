"""Train a classifier by an objective, at a strength that is warmed up; resumable."""

import json
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import Diverged
from offmanifold._core.files import read_json, tensors_hash, write_tensors
from offmanifold._core.frozen import frozen
from offmanifold._core.log import note
from offmanifold._core.optimisation import optimise
from offmanifold._core.precision import Precision, in_float32
from offmanifold._core.registry import to_config
from offmanifold._core.runs import begun, claim, dated, finish, run_folder
from offmanifold.data.held import Images, as_data
from offmanifold.data.types import Data, Split
from offmanifold.models import Loaded, build_model, load_model, some_images
from offmanifold.models.fingerprint import code_content, own_code
from offmanifold.objectives import ERM, Objective, Resources
from offmanifold.training.checks import (
    check_batch_of_one,
    check_data,
    check_request,
    failed_compilation_named,
    own_copy,
)
from offmanifold.training.recipe import Recipe
from offmanifold.training.step import Steps


@dataclass(frozen=True)
class Trained(Loaded):
    """A trained classifier: module, card, its folder (None if unsaved) and its metrics."""

    folder: Path | None = None
    metrics: dict[str, Any] = field(default_factory=dict)


@in_float32()
def train(
    model: str | Path | Loaded,
    data: Images,
    *,
    objective: Objective | None = None,
    recipe: Recipe | None = None,
    weights: str | Path | None = None,
    manifold: Any = None,
    out: str | Path | None = None,
    save: bool = True,
    device: str = "auto",
    precision: Precision = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    allow_pickle: bool = False,
    allow_code: bool = False,
    show: bool = True,
) -> Trained:
    """Train a model on `data.train`, watching `data.val`.

    data: whatever `as_data` takes. model: a spec (`small-resnet`, `timm:NAME` …) or a loaded model,
    which is left as it is; trained on from its weights if it has them. objective: `ERM()` by
    default. Saved in `out`, or in `runs/<objective-strength>-<hash>`, unless not `save`;
    interrupted, the same call goes on where it was, and once finished it only loads. precision:
    auto is bf16 where the processor has it, or that of the run that lies there. allow_pickle,
    allow_code: as in `load_model`. The global random state is left as found.

    devices: processes on this machine, each with a device of its own, which divide each batch; they
    run the same script from its start, and what follows this call too. num_nodes: machines; more
    than one is passed through to lightning-fabric and untested. An image meets the same order,
    augmentation and noise however many there are, so that the loss curve is the same but for
    rounding; dropout is not, and batch normalisation sees the images of its own process alone (its
    running statistics are averaged).

    Raises InputError for data without labels or with labels that do not fit, a model that does not
    fit them, a recipe that the objective or the batches do not allow, or a folder of another run;
    Diverged where the loss is not finite or explodes, RunError where another process has ended.
    """
    started, out = time.time(), None if out is None else Path(out)
    model, data = str(model) if isinstance(model, Path) else model, as_data(data)
    objective = ERM() if objective is None else objective
    recipe = Recipe() if recipe is None else recipe
    classes = check_data(data)
    check_request(data, objective, recipe, manifold, devices * num_nodes)
    loaded = (
        build_model(
            model,
            classes=classes,
            shape=data.shape,
            weights=weights,
            for_training=True,
            images=some_images(data),
            allow_pickle=allow_pickle,
            allow_code=allow_code,
            seed=recipe.seed,
        )
        if isinstance(model, str)
        else own_copy(model, data, save)
    )
    if min(recipe.batch_size, len(data.train)) < 2 * devices * num_nodes:
        check_batch_of_one(loaded.module, data.train)

    def config_in(precision: str) -> dict[str, Any]:
        return _config(loaded, data, objective, recipe, manifold, precision)

    def lies_there(precision: str) -> bool:
        return save and begun(run_name(objective), config_in(precision), out)

    engine = Engine(device, precision, devices, num_nodes, lies_there)
    config = config_in(engine.precision)

    with ExitStack() as held:

        def claimed() -> tuple[Path, bool]:
            folder = run_folder(run_name(objective), config, out)
            return folder, held.enter_context(claim(folder, config))

        folder, done = engine.from_main(claimed) if save else (None, False)
        if folder is not None and done:
            if show:
                note(f"{run_name(objective)}: found again in {folder}, nothing trained")
            return _finished(folder)
        module = loaded.module.to(engine.device)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        module.train().requires_grad_(True)
        called: Any = torch.compile(module) if recipe.compile else module
        prepared = objective.prepare(Resources(manifold=manifold, train_data=data.train))
        steps = Steps(data.train, recipe, prepared, called, engine)
        watched = data.val.subset(1000, recipe.seed)

        def watch() -> dict[str, float]:
            return {"val_accuracy": accuracy(module, watched, engine)}

        with failed_compilation_named(objective, engine) if recipe.compile else nullcontext():
            log = optimise(
                module,
                steps.loss_at,
                steps.schedule,
                engine,
                title=f"training {run_name(objective)}",
                checkpoint=None if folder is None else folder / "resume.pt",
                ema=recipe.ema,
                watch=watch,
                watch_every=steps.an_epoch,
                show=show,
            )
        module.eval()
        if engine.sum([float(not _finite(module, watched))])[0]:
            raise engine.shared(
                Diverged(
                    f"training {run_name(objective)} diverged: the classifier gives NaN or infinity"
                    "; use a smaller learning rate or strength"
                )
            )
        metrics = {"val_accuracy": accuracy(module, data.val, engine), "log": log}
        card = replace(
            loaded.card,
            classes=classes,
            synonyms=None,
            config=config,
            objective=config["objective"],
            manifold=config["manifold"],
        )
        if folder is None:
            return Trained(module, card, None, metrics)

        def saved() -> Path:
            names = {"classes": json.dumps(list(classes))}
            write_tensors(folder / "model.safetensors", dict(module.state_dict()), names)
            finish(folder, started, metrics, data=data.info.get("spec"))
            return folder

        return _finished(engine.from_main(saved))


def _config(
    loaded: Loaded,
    data: Data,
    objective: Objective,
    recipe: Recipe,
    manifold: Any,
    precision: str,
) -> dict[str, Any]:
    """Return what makes a run's identity: all that changes its numbers."""
    channels, height, width = data.shape
    config = {
        "kind": "classifier",
        "model": {
            "spec": loaded.card.spec,
            "channels": channels,
            "height": height,
            "width": width,
            "classes": list(data.classes or ()),
            "weights_hash": tensors_hash(loaded.module.state_dict()),
            **own_code(loaded.card.code),
        },
        "objective": to_config(objective),
        "recipe": recipe.config,
        "data": data.fingerprint,
        "manifold": manifold.card.hash if "manifold" in objective.needs else None,
        "precision": precision,
        **own_code(code_content(objective)),
    }
    return dated(config)


def _finite(module: nn.Module, split: Split) -> bool:
    """Return whether every logit of a few images is finite."""
    batch = split.read(split.rows[: split.comfortable_batch])
    device = next(module.parameters()).device
    with frozen(module), torch.no_grad():
        return bool(torch.isfinite(module(batch.x.to(device))).all())


def run_name(objective: Objective) -> str:
    """Return the readable part of a run's folder: the objective and its strength."""
    name = objective.name.replace("_", "-")
    if objective.strength is None:
        return name
    return f"{name}-{getattr(objective, objective.strength):g}"


@in_float32()
def accuracy(module: nn.Module, split: Split, engine: Engine | None = None) -> float:
    """Return the share of a split's images that a classifier gets right.

    With an engine each of its processes looks at its part of the images.
    """
    part = split
    if engine is not None:
        rows = split.rows[engine.rank :: engine.world].copy()
        part = Split(split.source, rows, split.classes)
    device = next(module.parameters()).device
    right = 0
    with frozen(module), torch.no_grad():
        for batch in part.batches(part.comfortable_batch):
            assert batch.y is not None
            x = batch.x.to(device, memory_format=torch.channels_last)
            right += int((module(x).argmax(1).cpu() == batch.y).sum())
    total = right if engine is None else engine.sum([right])[0]
    return total / max(1, len(split))


def _finished(folder: Path) -> Trained:
    # its model was asked for by this very call, and what was assumed of it has been said
    loaded = load_model(str(folder), allow_code=True, show=False)
    return Trained(loaded.module, loaded.card, folder, read_json(folder / "metrics.json"))
