"""Train a classifier by an objective, at a strength that is warmed up; resumable."""

import copy
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold.data.augmentation import augment, check_shift
from offmanifold.data.types import Data, Split
from offmanifold.engine import Engine, Precision, settled
from offmanifold.errors import Diverged, InputError, unknown_name
from offmanifold.files import read_json, tensors_hash, write_tensors
from offmanifold.freezing import frozen
from offmanifold.loop import Schedule, Shape, optimise
from offmanifold.models import Loaded, build_model, load_model
from offmanifold.objectives import ERM, Objective, Resources
from offmanifold.randomness import PartNoise, Randomness, generator_of, seed_of
from offmanifold.registry import to_config
from offmanifold.runs import claim, finish, run_folder, saved_precision


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        lr: peak learning rate of AdamW.
        weight_decay: of AdamW.
        warmup: share of the steps over which the objective's strength rises to its full value;
            large strengths collapse at the start otherwise.
        clip: largest l2 norm of the whole weight gradient.
        seed: of new weights, the order of images and all noise.
        schedule: one-cycle (a rise over a tenth of the steps, then a cosine to zero), or step (lr
            from the start, divided by 10 at 3/4 and again at 7/8 of the steps).
        ema: decay of an exponential moving average of the weights, which is what is saved and what
            the validation accuracy shown is of; 0 is off.
        shift: pixels by which each image is moved at most, either way, at every step; what comes in
            at an edge is the image reflected there.
        flip: mirror each image left–right with probability ½ at every step.
        compile: run the model through torch.compile.
    """

    since_first: ClassVar[tuple[str, ...]] = ("schedule", "ema", "shift", "flip", "compile")
    epochs: int = 12
    batch_size: int = 64
    lr: float = 6e-3
    weight_decay: float = 1e-3
    warmup: float = 0.5
    clip: float = 1.0
    seed: int = 0
    schedule: Shape = "one-cycle"
    ema: float = 0.0
    shift: int = 0
    flip: bool = False
    compile: bool = False

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
        if self.schedule not in ("one-cycle", "step"):
            raise unknown_name("schedule", self.schedule, ("one-cycle", "step"))
        if not 0 <= self.ema < 1:
            raise InputError(f"ema is a decay at least 0 and below 1, not {self.ema}")
        if self.shift < 0:
            raise InputError(f"shift must be at least 0 pixels, not {self.shift}")

    @property
    def config(self) -> dict[str, Any]:
        """The part of a run's identity; fields of later versions are in it where they are used.

        So the runs of earlier versions are found again.
        """
        default = {f.name: f.default for f in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in self.since_first or value != default[name]
        }


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
    devices: int = 1,
    num_nodes: int = 1,
    show: bool = True,
) -> Trained:
    """Train a model on `data.train`, watching `data.val`.

    model: a spec (`small-resnet`, `timm:NAME` …) or a loaded model, which is left as it is;
    trained on from its weights if it has them. objective: `ERM()` by default. Saved in `out`, or
    in `runs/<objective-strength>-<hash>`, unless not `save`; interrupted, the same call goes on
    where it was, and once finished it only loads.
    The global random state is left as found.

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
    started = time.time()
    objective = ERM() if objective is None else objective
    recipe = Recipe() if recipe is None else recipe
    classes = _check_data(data)
    _check_request(data, objective, recipe, manifold, devices * num_nodes)
    loaded = (
        build_model(
            model,
            classes=classes,
            shape=data.shape,
            weights=weights,
            for_training=True,
            seed=recipe.seed,
        )
        if isinstance(model, str)
        else _own_copy(model, data, save)
    )
    if min(recipe.batch_size, len(data.train)) < 2 * devices * num_nodes:
        _check_batch_of_one(loaded.module, data.train)
    engine = Engine(device, settled(precision, saved_precision(out)), devices, num_nodes)
    config = _config(loaded, data, objective, recipe, manifold, engine)

    def claimed() -> tuple[Path, bool]:
        folder = run_folder(run_name(objective), config, out)
        return folder, claim(folder, config)

    folder, done = engine.from_main(claimed) if save else (None, False)
    if folder is not None and done:
        return _finished(folder)
    module = loaded.module.to(engine.device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module.train().requires_grad_(True)
    called: Any = torch.compile(module) if recipe.compile else module
    prepared = objective.prepare(Resources(manifold=manifold, train_data=data.train))
    steps = _Steps(data.train, recipe, prepared, called, engine)
    watched = data.val.subset(1000, recipe.seed)

    def watch() -> dict[str, float]:
        return {"val_accuracy": accuracy(module, watched, engine)}

    with _failed_compilation_named(objective, engine) if recipe.compile else nullcontext():
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
                f"training {run_name(objective)} diverged: the classifier gives NaN or infinity; "
                "use a smaller learning rate or strength"
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


@dataclass(frozen=True)
class _Steps:
    """The loss of every step; what is random in it is drawn from (seed, step) alone."""

    train: Split
    recipe: Recipe
    objective: Objective
    model: nn.Module
    engine: Engine
    orders: dict[int, np.ndarray] = field(default_factory=dict)  # of the present epoch alone

    @property
    def batch_size(self) -> int:
        """Images a step, of all processes together."""
        return min(self.recipe.batch_size, len(self.train))

    @property
    def an_epoch(self) -> int:
        """Steps of an epoch; what is left over comes in other epochs."""
        return len(self.train) // self.batch_size

    @property
    def part(self) -> Tensor:
        """Places in a batch that are for this process."""
        return torch.arange(self.batch_size)[self.engine.rank :: self.engine.world]

    @property
    def schedule(self) -> Schedule:
        recipe = self.recipe
        return Schedule(
            recipe.epochs * self.an_epoch,
            recipe.lr,
            recipe.weight_decay,
            clip=recipe.clip,
            shape=recipe.schedule,
        )

    def loss_at(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return this process's share of the loss and of its parts."""
        x, y = self._images(step)
        rising = max(1, self.recipe.warmup * self.schedule.steps)
        objective = at_strength(self.objective, min(1.0, (step + 1) / rising))
        device = self.engine.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(_layers_seed(self.recipe.seed, step, self.engine.rank))
            loss = objective(self.model, x, y, generator=self._noise("train", step))
        share = len(self.part) / self.batch_size
        parts = {name: share * float(p.detach().mean()) for name, p in loss.parts.items()}
        return share * loss.per_sample.mean(), parts

    def _images(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, self.an_epoch)
        if epoch not in self.orders:
            self.orders.clear()
            self.orders[epoch] = _order(self.train, self.recipe.seed, epoch)
        rows = self.orders[epoch][position * self.batch_size :]
        batch = self.train.read(rows[self.part.numpy()])
        assert batch.y is not None
        x = batch.x
        if self.recipe.shift or self.recipe.flip:
            x = augment(x, self.recipe.shift, self.recipe.flip, self._noise("augment", step))
        x = x.to(self.engine.device, memory_format=torch.channels_last)
        return x, batch.y.to(self.engine.device)

    def _noise(self, name: str, step: int) -> Randomness:
        generator = generator_of(name, self.recipe.seed, step)
        if self.engine.world == 1:
            return generator
        return PartNoise(generator, self.part, self.batch_size)


def _config(
    loaded: Loaded,
    data: Data,
    objective: Objective,
    recipe: Recipe,
    manifold: Any,
    engine: Engine,
) -> dict[str, Any]:
    """Return what makes a run's identity: all that changes its numbers."""
    channels, height, width = data.shape
    return {
        "kind": "classifier",
        "model": {
            "spec": loaded.card.spec,
            "channels": channels,
            "height": height,
            "width": width,
            "classes": list(data.classes or ()),
            "weights_hash": tensors_hash(loaded.module.state_dict()),
        },
        "objective": to_config(objective),
        "recipe": recipe.config,
        "data": data.fingerprint,
        "manifold": manifold.card.hash if "manifold" in objective.needs else None,
        "precision": engine.precision,
    }


def _check_request(
    data: Data, objective: Objective, recipe: Recipe, manifold: Any, processes: int
) -> None:
    """Raise InputError where what is asked for does not go together."""
    check_shift(recipe.shift, data.shape)
    batch_size = min(recipe.batch_size, len(data.train))
    if processes > batch_size:
        raise InputError(
            f"{processes} processes are more than the {batch_size} images of a batch; "
            "use fewer, or a larger --batch-size"
        )
    if "manifold" in objective.needs and manifold is None:
        raise InputError(f"{objective.name} needs a manifold; fit one and give it with --manifold")
    if recipe.compile and not objective.compiles:
        raise InputError(
            f"{objective.name} is not made for torch.compile, which has no second derivatives; "
            "leave out --compile"
        )


def _check_data(data: Data) -> tuple[str, ...]:
    """Return the classes; raises InputError for data that no classifier can be trained on."""
    if data.classes is None or data.train.labels is None:
        raise InputError("training needs labelled images; give a folder of class folders")
    if not len(data.train):
        raise InputError("there are no images to train on; give more")
    if len(data.classes) < 2:
        raise InputError(
            f"one class alone ({', '.join(data.classes)}) leaves nothing to tell apart; "
            "give images of at least two classes"
        )
    for name, split in (("training", data.train), ("validation", data.val)):
        labels = split.labels
        if labels is None or not len(labels):
            continue
        if labels.min() < 0 or labels.max() >= len(data.classes):
            raise InputError(
                f"the {name} labels go from {labels.min()} to {labels.max()}, but there are "
                f"{len(data.classes)} classes; number the labels 0 to {len(data.classes) - 1}"
            )
    return data.classes


def _layers_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed from which dropout draws: processes see other images, so other masks."""
    return seed_of("layers", seed, step, *([rank] if rank else []))


def _check_batch_of_one(module: nn.Module, train: Split) -> None:
    """Raise InputError for a model that cannot be trained on one image at a time."""
    image = train.read(train.rows[:1]).x
    device = next(module.parameters()).device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad():
            copy.deepcopy(module).train()(image.to(device))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InputError(
            "this model's batch normalisation needs more than one image a batch and process; "
            "use a larger --batch-size"
        ) from error


@contextmanager
def _failed_compilation_named(objective: Objective, engine: Engine) -> Iterator[None]:
    """Name the objective and the mend where torch.compile fails, forward or backward."""
    from torch._dynamo.exc import TorchDynamoException  # slow to import, used here alone

    try:
        yield
    except RuntimeError as error:
        twice = any(said in str(error) for said in ("double backward", "donated buffer"))
        if not isinstance(error, TorchDynamoException) and not twice:
            raise
        why = str(getattr(error, "inner_exception", error)).strip().split("\n")[0]
        raise engine.shared(
            InputError(
                f"torch.compile failed for {objective.name} with this model ({why}); "
                "leave out --compile"
            )
        ) from error


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
