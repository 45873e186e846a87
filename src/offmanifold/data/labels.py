"""Integer labels as files give them, checked."""

import numpy as np

from offmanifold._core.errors import InputError


def as_labels(values: np.ndarray, n: int, where: str) -> np.ndarray:
    """Return labels (n,) int64.

    values: (n,) or (n, 1) integers ≥ 0. Raises InputError that names `where` for anything else.
    """
    if values.shape not in ((n,), (n, 1)):
        raise InputError(
            f"{where} has shape {values.shape} for {n} images; give one label an image"
        )
    if values.dtype.kind not in "iu":
        raise InputError(f"{where} holds {values.dtype} values; labels must be integers 0..k-1")
    labels = values.reshape(n).astype(np.int64)
    if n and labels.min() < 0:
        raise InputError(f"{where} holds the label {labels.min()}; labels must be 0..k-1")
    return labels


def numbered_classes(labels: np.ndarray, where: str) -> tuple[str, ...]:
    """Return the class names "0".."k-1".

    Raises InputError where a label is not below the number of images, hence is no class number.
    """
    if labels.max() >= len(labels):
        raise InputError(
            f"{where} holds the label {labels.max()} for {len(labels)} images; "
            "number the classes 0..k-1"
        )
    return tuple(map(str, range(labels.max() + 1)))
