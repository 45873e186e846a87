"""From a spec, and perhaps a file of weights, to a classifier and its card."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import content_hash, tensors_hash
from offmanifold._core.log import note
from offmanifold._core.randomness import seed_of
from offmanifold.data.config import DataConfig
from offmanifold.data.radius import default_eps
from offmanifold.data.types import Data
from offmanifold.models.adapters import GreyToColour, Normalise
from offmanifold.models.card import Loaded, ModelCard
from offmanifold.models.checkpoint import load_weights, read_checkpoint, unprefixed
from offmanifold.models.checks import Examined, check_state, examine
from offmanifold.models.glyphs_bayes import bayes_network
from offmanifold.models.network import (
    Names,
    Network,
    Wanted,
    head_outputs,
    last_layer,
    replace_heads,
    stored_outputs,
)
from offmanifold.models.python_file import python_network
from offmanifold.models.runs import find_run
from offmanifold.models.small_resnet import SmallResNet
from offmanifold.models.specs import ModelSpec, model_specs
from offmanifold.models.timm_models import timm_network
from offmanifold.models.torchvision_models import torchvision_network

Shape = tuple[int, int, int]


def small_resnet_network(activation: str, wanted: Wanted) -> Network:
    """Make `small-resnet` or `small-resnet:ACTIVATION` for the data's classes and channels."""
    if wanted.shape is None or (wanted.classes is None and wanted.checkpoint is None):
        raise InputError("small-resnet is made for data: it needs their image shape and classes")
    classes = wanted.classes or ("", "")  # weights without names bring their own head
    module = SmallResNet(wanted.shape[0], len(classes), activation=activation or "silu")
    names = wanted.classes if wanted.checkpoint is None else None
    return Network(module, heads=last_layer(module), classes=names)


# The part of a spec before the first ":" → what makes the network from the part after it.
SOURCES: dict[str, Callable[[str, Wanted], Network]] = {
    "bayes": bayes_network,
    "small-resnet": small_resnet_network,
    "timm": timm_network,
    "torchvision": torchvision_network,
}


def load_model(
    spec: str | Path,
    weights: str | Path | None = None,
    *,
    classes: Names | None = None,
    shape: Shape | None = None,
    images: Tensor | None = None,
    allow_pickle: bool = False,
    allow_code: bool = False,
    show: bool = True,
) -> Loaded:
    """Return the classifier a user names, in eval mode on the CPU, and its card.

    spec: `small-resnet`, `small-resnet:relu`, `timm:NAME`, `torchvision:NAME`, `bayes:glyphs`,
    `FILE.py:FUNCTION`, or a run: its folder, or `runs/` and its name or hash. weights: a file to
    load instead of the model's own. classes, shape: the data's class names and image shape
    (c, h, w); with a shape the model is tried on a few images, `images` (n, c, h, w) among them.
    allow_pickle: read weights whose reading may run code. allow_code: run the Python file that a
    run names as its model; a spec FILE.py:FUNCTION is consent itself. show: say what was assumed
    of the model's outputs. Raises InputError where anything does not fit.
    """
    spec = str(spec)
    given: dict[str, Any] = {
        "weights": weights,
        "images": images,
        "allow_pickle": allow_pickle,
        "allow_code": allow_code,
        "show": show,
    }
    if not _is_run(spec):
        return build_model(spec, classes=classes, shape=shape, **given)
    run = find_run(spec)
    loaded = build_model(spec, classes=None, shape=run.shape, **given)
    outputs = loaded.card.outputs
    if shape and shape != run.shape:
        outputs = examine(loaded.module, shape).outputs
    if run.config["model"].get("code") not in (None, loaded.card.code):
        note(f"{run.spec} is not the code that {run.folder} was trained with: it has changed since")
    card = dataclasses.replace(
        loaded.card,
        spec=str(run.folder),
        outputs=outputs,
        input_shape=run.shape,
        config=run.config,
        objective=run.config.get("objective"),
        manifold=run.config.get("manifold"),
    )
    return Loaded(loaded.module, card)


def open_models(
    specs: Sequence[str],
    images: DataConfig,
    weights: str | Path | None = None,
    *,
    allow_pickle: bool = False,
    allow_code: bool = False,
) -> tuple[Data, list[Loaded]]:
    """Return images, of the size that the first model asks for where none is given, and models.

    specs: as `model_specs` takes them. weights: of the only model. Raises InputError as `load_data`
    and `load_model` do.
    """
    named = model_specs(specs)
    if weights is not None and (len(named) > 1 or named[0].weights is not None):
        raise InputError("`weights` are for one model at a time; several have theirs by @WEIGHTS")

    def opened(one: ModelSpec, classes: Names | None = None, shape: Shape | None = None) -> Loaded:
        loaded = load_model(
            one.spec,
            one.weights or weights,
            classes=classes,
            shape=shape,
            allow_pickle=allow_pickle,
            allow_code=allow_code,
        )
        return dataclasses.replace(loaded, card=dataclasses.replace(loaded.card, name=one.name))

    asked, first = None, named[0].spec
    if not (images.image_size or first.startswith("small-resnet") or ".py:" in first):
        asked = opened(named[0]).card.input_shape
    data = images.load(asked)
    if asked is not None and asked[1:] == data.shape[1:] and not _is_run(first):
        size = "×".join(map(str, asked[1:]))
        note(
            f"{first} is made for images of {size}, to which these are brought: d is that of this "
            f"size, and ε by default {default_eps(data.shape, data.info.get('eps')):g} "
            "(0.5·√(d/3072)); `image_size` gives another"
        )
    return data, [opened(one, data.classes, data.shape) for one in named]


def start_content(spec: str, classes: Names | None, shape: Shape | None) -> str | None:
    """Return 12 hex digits over what a spec of files stands for now; None of any other.

    Of `FILE.py:FUNCTION` its code, of a run its weights too. Runs code: for specs that may
    (`check_code`).
    """
    if ".py:" not in spec and not _is_run(spec):
        return None
    card = load_model(spec, classes=classes, shape=shape, allow_code=True).card
    return content_hash([card.code, card.weights_hash if _is_run(spec) else None])


def build_model(
    spec: str,
    *,
    classes: Names | None,
    shape: Shape | None,
    weights: str | Path | None = None,
    pretrained: bool = True,
    for_training: bool = False,
    images: Tensor | None = None,
    allow_pickle: bool = False,
    allow_code: bool = False,
    show: bool = True,
    seed: int = 0,
) -> Loaded:
    """Return a model from its architecture and the weights it has.

    pretrained: take published weights where no file of weights is given. for_training: the outputs
    become the data's classes in the data's order, under a new head where their number differs.
    seed: of weights that are drawn; the global generator is left as found. A run is rebuilt from
    its config; the card's spec is then that of its architecture.
    """
    checkpoint = read_checkpoint(weights, allow_pickle) if weights else None
    if _is_run(spec):
        run = find_run(spec)
        check_code(spec, allow_code)
        spec, checkpoint = run.spec, checkpoint or run.weights()
        shape, classes = shape or run.shape, classes or run.classes
    wanted = Wanted(classes, shape, checkpoint, pretrained and checkpoint is None)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_of("model", spec, seed))
        network = _with_weights(_network(spec, wanted), wanted, spec)
        found = _classifier(network, shape, images)
        if for_training:
            if classes is None or shape is None:
                raise InputError("training needs labelled images; give a folder of class folders")
            if found.outputs != len(classes):
                _new_head(network, spec, found.outputs, len(classes))
                found = _classifier(network, shape, images)
            named = tuple(network.classes or ())
            if named != tuple(classes) and {*named} == {*classes}:
                raise InputError(
                    f"the outputs of {spec} are named {', '.join(named)}, the classes of the data "
                    f"{', '.join(classes)}; give the outputs that order"
                )
            if not any(p.requires_grad for p in found.module.parameters()):
                raise InputError(f"{spec} has nothing to train; audit it as it is")
            network = dataclasses.replace(network, classes=classes, synonyms=None)
    module, outputs = found.tell() if show else (found.module, found.outputs)
    if network.classes and outputs and len(network.classes) != outputs:
        raise InputError(
            f"{spec} names {len(network.classes)} classes but has {outputs} outputs; "
            "correct the list of names"
        )
    weights_hash = tensors_hash(module.state_dict())
    card = ModelCard(
        spec=spec,
        outputs=outputs,
        classes=network.classes,
        synonyms=network.synonyms,
        input_shape=network.input_shape,
        config={"spec": spec, "weights_hash": weights_hash},
        weights_hash=weights_hash,
        parameters=sum(p.numel() for p in module.parameters()),
        untrained=checkpoint is None and (".py:" in spec or spec.startswith("small-resnet")),
        licence=network.licence,
        code=network.code,
    )
    return Loaded(module.eval(), card)


def _is_run(spec: str) -> bool:
    if spec.partition(":")[0] in SOURCES:
        return False
    return Path(spec).is_dir() or ("/" in spec and ":" not in spec)  # runs/12:30 is a folder


def _network(spec: str, wanted: Wanted) -> Network:
    if ".py:" in spec:
        return python_network(spec, wanted)
    source, _, name = spec.partition(":")
    if source not in SOURCES:
        raise unknown_name("model", spec, [*SOURCES, "runs/NAME", "FILE.py:FUNCTION"])
    return SOURCES[source](name, wanted)


def _with_weights(network: Network, wanted: Wanted, spec: str) -> Network:
    """Load the checkpoint, if any, under a head of its class count, and take over its names."""
    checkpoint = wanted.checkpoint
    if checkpoint is None:
        return network
    tensors = unprefixed(checkpoint.tensors, network.module)
    stored = stored_outputs(tensors, network.heads)
    if stored is not None and stored != head_outputs(network.module, network.heads):
        replace_heads(network.module, network.heads, stored)
        network = dataclasses.replace(network, classes=None, synonyms=None)
    load_weights(network.module, tensors, f"{checkpoint.path} does not fit {spec}")
    if checkpoint.classes:
        network = dataclasses.replace(network, classes=checkpoint.classes, synonyms=None)
    return network


def _classifier(network: Network, shape: Shape | None, images: Tensor | None) -> Examined:
    """Return the network behind its preprocessing, tried where a shape is known."""
    steps: OrderedDict[str, nn.Module] = OrderedDict()
    takes_colour = network.input_shape is not None and network.input_shape[0] == 3
    if shape and shape[0] == 1 and takes_colour:
        steps["grey_to_colour"] = GreyToColour()
    if network.mean and network.std:
        steps["normalise"] = Normalise(network.mean, network.std)
    module = nn.Sequential(OrderedDict(**steps, net=network.module)) if steps else network.module
    if shape is None:
        check_state(module)
        return Examined(module, head_outputs(network.module, network.heads))
    return examine(module, shape, images=images)


def check_code(spec: str, allow_code: bool) -> None:
    """Raise InputError for a run whose model is Python code, unless its running is allowed.

    FILE.py:FUNCTION by itself is consent: it was typed by whoever runs it.
    """
    if allow_code or not _is_run(spec):
        return
    run = find_run(spec)
    if ".py:" in run.spec:
        raise InputError(
            f"the model of the run {run.folder} is Python code, {run.spec}, which would be run; "
            "give `allow_code` if you trust that file"
        )


def _new_head(network: Network, spec: str, outputs: int | None, classes: int) -> None:
    if not network.heads:
        raise InputError(
            f"{spec} has {outputs} outputs and the data have {classes} classes; "
            "make its function return as many outputs as classes"
        )
    replace_heads(network.module, network.heads, classes)
