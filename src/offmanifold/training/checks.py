"""What can be trained: refusals of data, recipes and models that do not go together."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold.data.augmentation import check_shift
from offmanifold.data.division import check_divided
from offmanifold.data.types import Data, Split
from offmanifold.models import Loaded, build_model, check_classifier, some_images
from offmanifold.objectives import Objective
from offmanifold.training.recipe import Recipe


def check_request(
    data: Data, objective: Objective, recipe: Recipe, manifold: Any, processes: int
) -> None:
    """Raise InputError where what is asked for does not go together."""
    check_shift(recipe.shift, data.shape)
    batch_size = min(recipe.batch_size, len(data.train))
    if processes > batch_size:
        raise InputError(
            f"{processes} processes are more than the {batch_size} images of a batch; "
            "use fewer, or a larger `batch_size`"
        )
    if "manifold" in objective.needs and manifold is None:
        raise InputError(f"{objective.name} needs a manifold; fit one and give it with `manifold`")
    if recipe.compile and not objective.compiles:
        raise InputError(
            f"{objective.name} is not made for torch.compile, which has no second derivatives; "
            "leave out `compile`"
        )


def check_data(data: Data) -> tuple[str, ...]:
    """Return the classes; raises InputError for data that no classifier can be trained on."""
    if data.classes is None or data.train.labels is None:
        raise InputError("training needs labelled images; give a folder of class folders")
    check_divided(data)
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


def own_copy(loaded: Loaded, data: Data, save: bool) -> Loaded:
    """Return a loaded model to train, its card naming the architecture that a run rebuilds."""
    card, classes = loaded.card, data.classes
    assert classes is not None
    if card.outputs not in (None, len(classes)) or card.classes not in (None, classes):
        raise InputError(
            f"{card.label} names its {card.outputs} outputs {card.classes}, but the data's classes "
            f"are {classes}; give the model's spec, so that it gets a head for them"
        )
    spec = card.config.get("model", {}).get("spec", card.spec)
    module, _ = check_classifier(copy.deepcopy(loaded.module), data.shape, None, some_images(data))
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


def check_batch_of_one(module: nn.Module, train: Split) -> None:
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
            "use a larger `batch_size`"
        ) from error


@contextmanager
def failed_compilation_named(objective: Objective, engine: Engine) -> Iterator[None]:
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
                "leave out `compile`"
            )
        ) from error
