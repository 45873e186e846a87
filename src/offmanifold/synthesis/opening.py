"""A session opened: the model and its images, found and checked, before anything takes long."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from torch import nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, tensors_hash
from offmanifold._core.frozen import frozen
from offmanifold._core.log import note
from offmanifold.data import Data, load_data
from offmanifold.data.config import note_what_is_told
from offmanifold.data.division import check_divided
from offmanifold.data.load import sized_within
from offmanifold.manifolds import names_denoiser
from offmanifold.models import (
    Loaded,
    ModelCard,
    adapt_labels,
    check_classifier,
    load_model,
    some_images,
)
from offmanifold.models.labels import BY_INDEX
from offmanifold.synthesis.config import SessionConfig
from offmanifold.synthesis.effects import check_mode
from offmanifold.synthesis.filling import device_of
from offmanifold.synthesis.scales import check_scales
from offmanifold.synthesis.session import Session, Shape


def open_session(config: SessionConfig, *, needs_data: bool = False) -> Session:
    """Return the model and its images where they are needed, without the manifold yet.

    What is asked for is checked against these, before `Session.equipped` begins what may take long.
    needs_data: whether the training images are needed whatever the manifold, as `generate_gallery`
    does. A module in hand is left as found, and asked on the device where it is unless another is
    named. Raises InputError for what cannot be used.
    """
    with frozen(config.model) if isinstance(config.model, nn.Module) else nullcontext():
        return _opened(config, needs_data)


def _opened(config: SessionConfig, needs_data: bool) -> Session:
    c, method = config, config.method
    if c.batch_size is not None and c.batch_size < 1:
        raise InputError(f"`batch_size` must be 1 or more, not {c.batch_size}")
    check_mode(method)
    first = _first_look(c)
    shape = None if first is None else first.card.input_shape
    asked = str(c.manifold) if isinstance(c.manifold, str | Path) else c.manifold
    spec = asked if isinstance(asked, str) else "none"
    made_of_data = spec in ("auto", "exact") or names_denoiser(spec)
    if method.mode == "ascent" and made_of_data:
        asked = spec = "none"
    data = None
    if needs_data or c.data or (made_of_data and spec != "none"):
        data = _data(c, first, shape)
        if needs_data:
            check_divided(data)
        shape = shape or data.shape
    if shape is None and c.image_size is not None:
        shape = (c.channels or 3, *c.image_size)
    if shape is None:
        raise InputError(
            f"which size of images {c.name} takes is not known; give `data` or `image_size`"
        )
    check_scales(method.ascent.scales, shape[1:])
    loaded = first or _loaded(c, classes=data and data.classes, shape=shape)
    if data is not None and data.shape != shape:
        raise InputError(
            f"{c.name} takes images of shape {shape}, and those of {data.info.get('spec')} "
            f"have {data.shape}; give its own `data`"
        )
    if data is not None:
        module, _ = check_classifier(loaded.module, shape, None, some_images(data))
        loaded = replace(loaded, module=module)
    model, classes = _named(c, loaded, data)
    own = isinstance(c.model, nn.Module) and c.device == "auto"
    device = device_of(model) if own else Engine(c.device).device
    return Session(
        loaded=loaded,
        model=model.to(device).eval(),
        shape=shape,
        classes=classes,
        data=data,
        method=method,
        device=device,
        asked=asked,
        mapping=c.classes,
        batch_size=c.batch_size,
    )


def _named(
    config: SessionConfig, loaded: Loaded, data: Data | None
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the model with the data's classes as outputs, if they have any, and its classes."""
    mapping = config.classes
    if mapping is not None and (data is None or data.classes is None):
        raise InputError("`classes` names outputs by the classes of `data`, and there are none")
    if data is not None and data.classes is not None:
        if mapping is None and isinstance(config.model, nn.Module):
            mapping = BY_INDEX
        return adapt_labels(loaded, data.classes, mapping), tuple(data.classes)
    card = loaded.card
    outputs = card.outputs or len(card.classes or ())
    return loaded.module, tuple(card.classes or (str(i) for i in range(outputs)))


def _loaded(
    config: SessionConfig,
    classes: Sequence[str] | None = None,
    shape: Shape | None = None,
) -> Loaded:
    model = config.model
    if isinstance(model, Loaded):
        return model
    if isinstance(model, nn.Module):
        card = ModelCard(config.name, weights_hash=tensors_hash(model.state_dict()))
        if shape is not None:
            model, outputs = check_classifier(model, shape)
            card = replace(card, outputs=outputs)
        return Loaded(model, card)
    return load_model(
        model,
        config.weights,
        allow_pickle=config.allow_pickle,
        allow_code=config.allow_code,
        classes=None if classes is None else tuple(classes),
        shape=shape,
    )


def _first_look(config: SessionConfig) -> Loaded | None:
    """Return the model if it knows its own size, as runs do; None of one made for data."""
    try:
        loaded = _loaded(config)
    except InputError:
        if config.data is None:
            raise
        return None
    return loaded if loaded.card.input_shape is not None else None


def _data(config: SessionConfig, loaded: Loaded | None, shape: Shape | None) -> Data:
    spec = config.data
    if isinstance(spec, Data):
        return spec
    if spec is None and loaded is not None:
        provenance = Path(loaded.card.spec) / "provenance.json"
        spec = read_json(provenance).get("data") if provenance.is_file() else None
    if spec is None:
        raise InputError(
            f"which images {config.name} was trained on is not known here; give them as `data`, "
            "or none as `manifold` where the classifier alone will do"
        )
    size, channels = config.image_size, config.channels
    if shape is not None and not sized_within(str(spec)):
        size, channels = shape[1:], shape[0] if shape[0] in (1, 3) else None
        if config.image_size not in (None, size) or config.channels not in (None, channels):
            raise InputError(
                f"{config.name} takes images of shape {shape}, to which its `data` are brought; "
                "leave out `image_size` and `channels`"
            )
    data = load_data(spec, size=size, channels=channels, seed=config.data_seed)
    note_what_is_told(data)
    trained = None if loaded is None else loaded.card.config.get("data")
    if trained is not None and trained != data.fingerprint:
        note(
            f"{config.name} was trained on other images than {spec}, or on another division of "
            "them (`data_seed`): images that it has seen may not be among the training images here"
        )
    return data
