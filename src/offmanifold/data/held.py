"""Images as people hold them in Python, which `as_data` takes: arrays, datasets, pictures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.labels import as_labels, numbered_classes
from offmanifold.data.load import divided_data, load_data
from offmanifold.data.npz import as_pixels, checked, in_order
from offmanifold.data.request import Found, Request
from offmanifold.data.resize import resized
from offmanifold.data.splits import split_of
from offmanifold.data.types import Data

IMAGE = ("image", "img", "x", "pixel_values", "images")
LABEL = ("label", "labels", "y", "target", "fine_label")


Images = Data | str | Path | np.ndarray | Tensor | Dataset | DataLoader | Iterable[Any]
"""What `as_data` takes."""


@dataclass(frozen=True)
class Held:
    """Images (n, …) of one part as they were given, labels (n,) or None, and names of classes."""

    x: np.ndarray
    y: np.ndarray | None = None
    classes: tuple[str, ...] | None = None


def as_data(given: Images, *, classes: Sequence[str] | None = None, seed: int = 0) -> Data:
    """Return whatever holds images as `Data`.

    given: `Data`; a path or spec, as `load_data` takes it; images x alone or (x, y), arrays or
    tensors, (n, h, w), (n, h, w, c) or (n, c, h, w), uint8 or floats in [0, 1]; a torch `Dataset`
    or `DataLoader`, read once, items x, (x, y) or dicts; a list of PIL pictures or of (picture,
    label); a Hugging Face `Dataset`; or {"train": any of these, "test": …}, a `DatasetDict` among
    them. classes: names of the labels, by default those of the dataset, else numbers. seed: of the
    division where there are no parts. Raises InputError that says what it is and what is wrong.
    """
    if isinstance(given, Data):
        return given
    if isinstance(given, str | Path):
        return load_data(given, seed=seed)
    return data_of(given, "arrays", classes=classes, request=Request(seed=seed))


def data_of(
    given: Any, spec: str, *, classes: Sequence[str] | None = None, request: Request
) -> Data:
    """Return images that are held in memory as `Data` of this spec; see `as_data`."""
    parts = _parts(given)
    found = {part: _held(value, part or "the images") for part, value in parts.items()}
    names = [
        f"{part}/{i}" if part else str(i) for part, h in found.items() for i in range(len(h.x))
    ]
    pixels = [
        checked(in_order(h.x, f"x of {part or 'the images'}"), f"x of {part or 'the images'}")
        for part, h in found.items()
    ]
    if len({(x.shape[1:], x.dtype) for x in pixels}) > 1:
        told = ", ".join(f"{x.dtype} {x.shape[1:]}" for x in pixels)
        raise InputError(f"the parts differ in size or type ({told}); give all alike")
    both, notes, whites = as_pixels(np.concatenate(pixels), "the images")
    labels = _labels(found)
    known = next((h.classes for h in found.values() if h.classes), None)
    return divided_data(
        Found(
            name=re.sub(r"\W+", "-", spec).strip("-"),
            source=resized(ArraySource(both, labels, names), request, spec),
            classes=_classes(classes or known, labels),
            parts=None if "" in parts else np.repeat(list(parts), [len(x) for x in pixels]),
            told=tuple(notes),
            whites=whites,
        ),
        spec,
        request.seed,
    )


def _parts(given: Any) -> dict[str, Any]:
    """Return {"train" | "val" | "test": …}, or {"": given} where there are no parts."""
    if not isinstance(given, Mapping):
        return {"": given}
    parts = {split_of(str(key)): value for key, value in given.items()}
    if None in parts or len(parts) < len(given):
        raise InputError(
            f"{', '.join(map(str, given))} are not the names of parts; name them train, val, test"
        )
    return {str(part): value for part, value in parts.items()}


def _held(given: Any, where: str) -> Held:
    if isinstance(given, np.ndarray | Tensor):
        return Held(_array(given))
    pair = isinstance(given, tuple | list) and len(given) == 2
    if pair and isinstance(given[0], np.ndarray | Tensor) and np.ndim(given[1]) == 1:
        return Held(_array(given[0]), _array(given[1]))
    if hasattr(given, "features") and hasattr(given, "column_names"):
        return _of_columns(given, where)
    if isinstance(given, DataLoader):
        if hasattr(given.dataset, "__getitem__") and hasattr(given.dataset, "__len__"):
            return _held(given.dataset, where)  # in its own order, whatever the loader's is
        return _of_items([item for batch in given for item in _unbatched(batch)], None, where)
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):
        items = [given[i] for i in range(len(given))]
        return _of_items(items, getattr(given, "classes", None), where)
    if isinstance(given, Iterable):
        return _of_items(list(given), None, where)
    raise InputError(
        f"a {type(given).__name__} holds no images; give a path, arrays (x, y), a torch Dataset or "
        "DataLoader, a list of PIL pictures, or a Hugging Face Dataset"
    )


def _of_columns(given: Any, where: str) -> Held:
    """Return what a Hugging Face `Dataset` holds."""
    image = next((name for name in IMAGE if name in given.column_names), None)
    if image is None:
        raise InputError(f"{where} has no column of images: {', '.join(given.column_names)}")
    label = next((name for name in LABEL if name in given.column_names), None)
    names = getattr(given.features.get(label), "names", None) if label else None
    x = _stacked([_picture(row) for row in given[image]], where)
    return Held(x, None if label is None else np.asarray(given[label]), names and tuple(names))


def _of_items(items: Sequence[Any], classes: Sequence[str] | None, where: str) -> Held:
    """Return what items hold: each an image, an (image, label), or a dict of both."""
    if not items:
        raise InputError(f"{where} holds no image")
    pairs = [_pair(item, where) for item in items]
    labelled = [label for _, label in pairs if label is not None]
    if labelled and len(labelled) < len(pairs):
        raise InputError(f"{where} holds labels for {len(labelled)} of {len(pairs)} images")
    x = _stacked([_picture(image) for image, _ in pairs], where)
    return Held(
        x,
        np.asarray(labelled) if labelled else None,
        None if classes is None else tuple(map(str, classes)),
    )


def _pair(item: Any, where: str) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        image = next((item[name] for name in IMAGE if name in item), None)
        if image is None:
            raise InputError(f"an item of {where} has no image: {', '.join(map(str, item))}")
        return image, next((item[name] for name in LABEL if name in item), None)
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    return item, None


def _unbatched(batch: Any) -> list[Any]:
    """Return the items of a batch as a loader collates them."""
    if isinstance(batch, Mapping):
        keys = list(batch)
        return [dict(zip(keys, row, strict=True)) for row in zip(*batch.values(), strict=True)]
    if isinstance(batch, tuple | list):
        return list(zip(*batch, strict=True))
    return list(batch)


def _picture(image: Any) -> np.ndarray:
    """Return an image (c, h, w), (h, w, c) or (h, w)."""
    if isinstance(image, Image):
        return np.asarray(image if image.mode in ("L", "I;16", "RGB") else image.convert("RGB"))
    return _array(image)


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _stacked(images: Sequence[np.ndarray], where: str) -> np.ndarray:
    shapes = dict.fromkeys(image.shape for image in images)
    if len(shapes) > 1:
        raise InputError(
            f"{where} holds images of different sizes ({', '.join(map(str, list(shapes)[:3]))} …); "
            "bring them to one"
        )
    return np.stack(images)


def _labels(found: Mapping[str, Held]) -> np.ndarray | None:
    """Return the labels of all parts together. Raises InputError where some have none."""
    labels = [
        as_labels(h.y, len(h.x), f"y of {part or 'the images'}")
        for part, h in found.items()
        if h.y is not None
    ]
    if labels and len(labels) < len(found):
        raise InputError("some parts have labels and others none; give labels to all, or to none")
    return np.concatenate(labels) if labels else None


def _classes(names: Sequence[str] | None, labels: np.ndarray | None) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if names is None:
        return numbered_classes(labels, "y")
    if labels.max() >= len(names):
        raise InputError(f"a label is {labels.max()}, and `classes` names {len(names)}")
    return tuple(map(str, names))
