"""What the commands that make images share: the model, its images, the manifold and the method."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import read_json
from offmanifold._core.log import note
from offmanifold._core.progress import Bar, Unnumbered
from offmanifold.audits.identity import model_parts
from offmanifold.cli.standing import Said, standing_of, warnings_of
from offmanifold.cli.synthesis_options import Options
from offmanifold.cli.without_effect import check_mode
from offmanifold.data import Data, load_data
from offmanifold.data.config import note_what_is_told
from offmanifold.data.division import check_divided
from offmanifold.data.load import sized_within
from offmanifold.manifolds import load_manifold, names_denoiser
from offmanifold.manifolds.resolve import MANIFOLDS, find_manifold, resolve_manifold
from offmanifold.models import (
    Loaded,
    adapt_labels,
    check_classifier,
    load_model,
    some_images,
)
from offmanifold.models.labels import label_map
from offmanifold.models.name_match import Named
from offmanifold.synthesis import Method, Synthesis
from offmanifold.synthesis.batching import comfortable
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.scales import check_scales

Shape = tuple[int, int, int]
Use = Callable[[Method, Bar], Synthesis]  # what is made by a method, of some images or classes


@dataclass(frozen=True)
class Workshop:
    """All that a use needs.

    shape: (c, h, w) of the model's images. classes: names of its outputs. spec: of the manifold,
    which is there, and the method settled, once `equipped`.
    """

    options: Options
    loaded: Loaded
    model: nn.Module
    shape: Shape
    classes: tuple[str, ...]
    data: Data | None
    spec: str
    manifold: Any
    method: Method
    device: torch.device

    @cached_property
    def warnings(self) -> tuple[Said, ...]:
        """What a user should know before trusting what is made; looked up when first asked for."""
        standing = standing_of(self.loaded, self.model, self.data)
        return warnings_of(standing, self.loaded.card.label)

    @property
    def size(self) -> int:
        """Images at a time."""
        return self.options.batch_size or comfortable(self.shape)

    def ways(self) -> dict[str, Method]:
        """Return the methods of which results stand beside: {column: method}."""
        method, found = self.method, {}
        if method.mode == "denoised":
            found["denoiser"] = replace(method, mode="manifold", guidance=0.0)
        if method.mode != "ascent":
            found["ascent"] = replace(method, mode="ascent")
        return found

    def beside(self, use: Use, progress: Bar) -> tuple[Synthesis, dict[str, Tensor]]:
        """Return what a use makes, and {column: images} of denoiser and classifier, each alone."""
        made = use(self.method, progress)
        pictures = {"denoiser": made.start} if self.method.mode == "manifold" else {}
        for column, method in self.ways().items():
            pictures[column] = use(method, Unnumbered(progress)).images
        return made, pictures

    def steps(self, of: Callable[[Method], int]) -> int:
        """Return the steps of a bar for a batch with all that stands beside; of: one method."""
        return sum(of(method) for method in (self.method, *self.ways().values()))

    def tried(self, y: int | None) -> int:
        """Return how many classes are tried for each image where y is asked for, or none."""
        return 1 if y is not None else min(self.method.candidates, len(self.classes))

    def passes(self, y: int | None) -> int:
        """Return the steps of a bar for a batch that is filled."""
        return self.steps(lambda method: passes(method, self.tried(y)))

    def class_of(self, name: str) -> int:
        """Return the output of a class by its name, else by its number; raises InputError."""
        if len(found := Named([(c,) for c in self.classes]).find(name)) == 1:
            return found[0]
        if name.isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise unknown_name(f"class ({len(self.classes)} in all)", name, self.classes[:20])

    def identity(self, use: str, **more: Any) -> dict[str, Any]:
        """Return all that changes what is made, as plain JSON."""
        how = self.method.ascent
        given = {
            "label_map": label_map(self.options.classes),
            "until": how.until,
            "patience": how.patience,
        }
        return {
            "kind": use,
            "weights": self.loaded.card.weights_hash,
            "code": model_parts(self.loaded)["code"],
            "classes": list(self.classes),
            "data": None if self.data is None else self.data.train.fingerprint,
            "manifold": None if self.manifold is None else self.manifold.card.hash,
            "mode": self.method.mode,
            "guidance": self.method.guidance,
            "variety": self.method.variety,
            "steps": how.steps,
            "eps": how.eps,
            "rule": how.rule,
            "copies": how.copies,
            "scales": list(how.scales),
            "precision": how.precision,
            "seed": how.seed,
            **{key: value for key, value in given.items() if value is not None},
            **more,
        }


def open_workshop(options: Options, *, needs_data: bool = False) -> Workshop:
    """Return the model and its images where they are needed, without the manifold yet.

    What is asked for is checked against these, before `equipped` begins what may take long.
    needs_data: whether the training images are needed whatever the manifold. Raises InputError for
    what cannot be used.
    """
    if options.batch_size is not None and options.batch_size < 1:
        raise InputError(f"--batch-size must be 1 or more, not {options.batch_size}")
    check_mode(options, options.mode)
    method = options.method()
    first = _first_look(options)
    shape = None if first is None else first.card.input_shape
    spec = options.manifold
    made_of_data = spec in ("auto", "exact") or names_denoiser(spec)
    if options.mode == "ascent" and made_of_data:
        spec = "none"
    data = None
    if needs_data or options.data or (made_of_data and spec != "none"):
        data = _data(options, first, shape)
        if needs_data:
            check_divided(data)
        shape = shape or data.shape
    if shape is None and options.image_size is not None:
        shape = (options.channels or 3, *options.image_size)
    if shape is None:
        raise InputError(
            f"which size of images {options.model} takes is not known; give --data or --image-size"
        )
    check_scales(options.scales, shape[1:])
    loaded = first or _loaded(options, classes=data and data.classes, shape=shape)
    if data is not None and data.shape != shape:
        raise InputError(
            f"{options.model} takes images of shape {shape}, and those of {data.info.get('spec')} "
            f"have {data.shape}; give its own --data"
        )
    if data is not None:
        module, _ = check_classifier(loaded.module, shape, None, some_images(data))
        loaded = replace(loaded, module=module)
    model = loaded.module
    if options.classes is not None and (data is None or data.classes is None):
        raise InputError("--classes names outputs by the classes of --data, and there are none")
    if data is not None and data.classes is not None:
        model = adapt_labels(loaded, data.classes, options.classes)
    names = data.classes if data is not None and data.classes else loaded.card.classes
    device = Engine(options.device).device
    model = model.to(device).eval()
    outputs = loaded.card.outputs or len(names or ())
    classes = tuple(names) if names else tuple(str(i) for i in range(outputs))
    return Workshop(
        options=options,
        loaded=loaded,
        model=model,
        shape=shape,
        classes=classes,
        data=data,
        spec=spec,
        manifold=None,
        method=method,
        device=device,
    )


def equipped(shop: Workshop, best: str = "denoised") -> Workshop:
    """Return the same with its manifold, fitted where there is none yet, and its method settled.

    best: the mode of a manifold that can draw images. Raises InputError for a manifold that does
    not fit, or cannot do what is asked for.
    """
    manifold = _manifold(shop.spec, shop.data, shop.shape, shop.options)
    if manifold is not None:
        manifold.to(shop.device)
    method = shop.method.settled(manifold, best)
    check_mode(shop.options, method.mode)
    return replace(shop, manifold=manifold, method=method)


def _loaded(options: Options, **known: Any) -> Loaded:
    return load_model(
        options.model,
        options.weights,
        allow_pickle=options.allow_pickle,
        allow_code=options.allow_code,
        **known,
    )


def _first_look(options: Options) -> Loaded | None:
    """Return the model if it knows its own size, as runs do; None of one made for data."""
    try:
        loaded = _loaded(options)
    except InputError:
        if options.data is None:
            raise
        return None
    return loaded if loaded.card.input_shape is not None else None


def _data(options: Options, loaded: Loaded | None, shape: Shape | None) -> Data:
    spec = options.data
    if spec is None and loaded is not None:
        provenance = Path(loaded.card.spec) / "provenance.json"
        spec = read_json(provenance).get("data") if provenance.is_file() else None
    if spec is None:
        raise InputError(
            f"which images {options.model} was trained on is not known here; give them with "
            "--data, or --manifold none where the classifier alone will do"
        )
    size, channels = options.image_size, options.channels
    if shape is not None and not sized_within(spec):
        size, channels = shape[1:], shape[0] if shape[0] in (1, 3) else None
        if options.image_size not in (None, size) or options.channels not in (None, channels):
            raise InputError(
                f"{options.model} takes images of shape {shape}, to which its --data are brought; "
                "leave out --image-size and --channels"
            )
    data = load_data(spec, size=size, channels=channels, seed=options.data_seed)
    note_what_is_told(data)
    trained = None if loaded is None else loaded.card.config.get("data")
    if trained is not None and trained != data.fingerprint:
        note(
            f"{options.model} was trained on other images than {spec}, or on another division of "
            "them (--data-seed): images that it has seen may not be among the training images here"
        )
    return data


def _manifold(spec: str, data: Data | None, shape: Shape, options: Options) -> Any:
    if spec == "none":
        return None
    if data is not None:
        return resolve_manifold(spec, data, device=options.device)
    manifold = load_manifold(find_manifold(spec))
    if tuple(manifold.card.shape) != shape:
        raise InputError(
            f"the manifold {spec} was fitted on images of shape {tuple(manifold.card.shape)} and "
            f"the model takes {shape}; known: {', '.join(MANIFOLDS)}"
        )
    return manifold
