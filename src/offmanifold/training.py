"""Train a classifier by an objective, at a strength that is warmed up; resumable."""

import copy
import json
import math
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold.data.types import Data, Split
from offmanifold.errors import InputError, RunError
from offmanifold.files import read_json, tensors_hash, write_tensors
from offmanifold.freezing import frozen
from offmanifold.loop import Engine, Precision, Schedule, optimise, settled
from offmanifold.models import Loaded, build_model, load_model
from offmanifold.objectives import ERM, Objective, Resources
from offmanifold.randomness import generator_of, seed_of
from offmanifold.registry import to_config
from offmanifold.runs import claim, finish, run_folder, saved_precision


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        lr: peak learning rate of AdamW, on a one-cycle schedule.
        weight_decay: of AdamW.
        warmup: share of the steps over which the objective's strength rises to its full value;
            large strengths collapse at the start otherwise.
        clip: largest l2 norm of the whole weight gradient.
        seed: of new weights, the order of images and all noise.
    """

    epochs: int = 12
    batch_size: int = 64
    lr: float = 6e-3
    weight_decay: float = 1e-3
    warmup: float = 0.5
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 0 <= self.weight_decay < math.inf:
            raise InputError(f"weight_decay must be 0 or above, not {self.weight_decay}")
        if not 0 <= self.warmup <= 1:
            raise InputError(f"warmup is a share between 0 and 1, not {self.warmup}")


@dataclass(frozen=True)
class Trained(Loaded):
    """A trained classifier: module, card, its folder (None if unsaved) and its metrics."""

    folder: Path | None = None
    metrics: dict[str, Any] = field(default_factory=dict)


def train(
    model: str | Loaded,
    data: Data,
    *,
    objective: Objective | None = None,
    recipe: Recipe | None = None,
    weights: str | Path | None = None,
    manifold: Any = None,
    out: Path | None = None,
    save: bool = True,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> Trained:
    """Train a model on `data.train`, watching `data.val`.

    model: a spec (`small-resnet`, `timm:NAME` …) or a loaded model, which is left as it is;
    trained on from its weights if it has them. objective: `ERM()` by default. Saved in `out`, or
    in `runs/<objective-strength>-<hash>`, unless not `save`; interrupted, the same call goes on
    where it was, and once finished it only loads.
    The global random state is left as found. Raises InputError for data without labels, a model
    that does not fit them, or a folder of another run; RunError where the loss is not finite.
    """
    started = time.time()
    objective = ERM() if objective is None else objective
    recipe = Recipe() if recipe is None else recipe
    if data.classes is None:
        raise InputError("training needs labelled images; give a folder of class folders")
    if "manifold" in objective.needs and manifold is None:
        raise InputError(f"{objective.name} needs a manifold; fit one and give it with --manifold")
    engine = Engine(device, settled(precision, saved_precision(out)))
    loaded = (
        build_model(
            model,
            classes=data.classes,
            shape=data.shape,
            weights=weights,
            for_training=True,
            seed=recipe.seed,
        )
        if isinstance(model, str)
        else _own_copy(model, data, save)
    )
    channels, height, width = data.shape
    config = {
        "kind": "classifier",
        "model": {
            "spec": loaded.card.spec,
            "channels": channels,
            "height": height,
            "width": width,
            "classes": list(data.classes),
            "weights_hash": tensors_hash(loaded.module.state_dict()),
        },
        "objective": to_config(objective),
        "recipe": asdict(recipe),
        "data": data.fingerprint,
        "manifold": manifold.card.hash if "manifold" in objective.needs else None,
        "precision": engine.precision,
    }
    folder = run_folder(run_name(objective), config, out) if save else None
    if folder is not None and claim(folder, config):
        return _finished(folder)
    module = loaded.module.to(engine.device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module.train().requires_grad_(True)
    prepared = objective.prepare(Resources(manifold=manifold, train_data=data.train))
    batch_size = min(recipe.batch_size, len(data.train))
    steps_an_epoch = max(1, len(data.train) // batch_size)
    schedule = Schedule(
        recipe.epochs * steps_an_epoch, recipe.lr, recipe.weight_decay, clip=recipe.clip
    )
    watched = data.val.subset(1000, recipe.seed)
    seen: dict[str, float] = {}

    def loss_at(step: int) -> tuple[Tensor, dict[str, float]]:
        epoch, position = divmod(step, steps_an_epoch)
        if position == 0 and epoch > 0:
            seen["val_accuracy"] = accuracy(module, watched)
        rows = _order(data.train, recipe.seed, epoch)[position * batch_size :][:batch_size]
        batch = data.train.read(rows)
        assert batch.y is not None
        x = batch.x.to(engine.device, memory_format=torch.channels_last)
        now = at_strength(prepared, min(1.0, (step + 1) / max(1, recipe.warmup * schedule.steps)))
        with torch.random.fork_rng([engine.device] if engine.device.type == "cuda" else []):
            torch.manual_seed(seed_of("layers", recipe.seed, step))  # dropout draws from it
            generator = generator_of("train", recipe.seed, step)
            loss = now(module, x, batch.y.to(engine.device), generator=generator)
        parts = {name: float(part.detach().mean()) for name, part in loss.parts.items()}
        return loss.per_sample.mean(), {**parts, **seen}

    log = optimise(
        module,
        loss_at,
        schedule,
        engine,
        title=f"training {run_name(objective)}",
        checkpoint=None if folder is None else folder / "resume.pt",
        show=show,
    )
    module.eval()
    if not _finite(module, watched):
        raise RunError(
            f"training {run_name(objective)} diverged: the classifier gives NaN or infinity; "
            "use a smaller learning rate or strength"
        )
    metrics = {"val_accuracy": accuracy(module, data.val), "log": log}
    card = replace(
        loaded.card,
        classes=data.classes,
        synonyms=None,
        config=config,
        objective=config["objective"],
        manifold=config["manifold"],
    )
    if folder is None:
        return Trained(module, card, None, metrics)
    classes = {"classes": json.dumps(list(data.classes))}
    write_tensors(folder / "model.safetensors", dict(module.state_dict()), classes)
    finish(folder, started, metrics)
    return _finished(folder)


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


def at_strength(objective: Objective, share: float) -> Objective:
    """Return the objective at a share of its strength, for the warm-up."""
    if objective.strength is None or share >= 1:
        return objective
    full = getattr(objective, objective.strength)
    return replace(objective, **{objective.strength: share * full})  # type: ignore[type-var]


def accuracy(module: nn.Module, split: Split) -> float:
    """Return the share of a split's images that a classifier gets right."""
    device = next(module.parameters()).device
    right = 0
    with frozen(module), torch.no_grad():
        for batch in split.batches(split.comfortable_batch):
            assert batch.y is not None
            x = batch.x.to(device, memory_format=torch.channels_last)
            right += int((module(x).argmax(1).cpu() == batch.y).sum())
    return right / max(1, len(split))


def _own_copy(loaded: Loaded, data: Data, save: bool) -> Loaded:
    """Return a loaded model to train, its card naming the architecture that a run rebuilds."""
    card, classes = loaded.card, data.classes
    assert classes is not None
    if card.outputs not in (None, len(classes)) or card.classes not in (None, classes):
        raise InputError(
            f"{card.label} names its {card.outputs} outputs {card.classes}, but the data's classes "
            f"are {classes}; give the model's spec, so that it gets a head for them"
        )
    spec = card.config.get("model", {}).get("spec", card.spec)
    module = copy.deepcopy(loaded.module)
    if save:
        again = build_model(
            spec, classes=classes, shape=data.shape, pretrained=False, for_training=True
        )
        theirs = {name: value.shape for name, value in module.state_dict().items()}
        if theirs != {name: value.shape for name, value in again.module.state_dict().items()}:
            raise InputError(
                f"{spec} does not make this model, so that a saved run could not be loaded; give "
                "FILE.py:FUNCTION that makes it, or train with save=False"
            )
    return Loaded(module, replace(card, spec=spec))


def _order(train: Split, seed: int, epoch: int) -> np.ndarray:
    generator = generator_of("order", seed, epoch)
    return train.rows[torch.randperm(len(train), generator=generator).numpy()]


def _finished(folder: Path) -> Trained:
    loaded = load_model(str(folder))
    return Trained(loaded.module, loaded.card, folder, read_json(folder / "metrics.json"))
