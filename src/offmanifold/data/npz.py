"""`FILE.npz`: arrays x_train, y_train, x_test, y_test."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from offmanifold.data.arrays import ArraySource
from offmanifold.data.labels import as_labels, numbered_classes
from offmanifold.data.opening import Found, Request
from offmanifold.data.types import check_images
from offmanifold.errors import InputError

KEYS = ("x_train", "y_train", "x_test", "y_test")


def open_npz(path: Path, request: Request) -> Found:
    """Return the images of both parts, train first.

    x: (n, h, w), (n, h, w, c) or (n, c, h, w), where c is the smaller of the two possible axes;
    integers in 0..255 or floats in [0, 1]. y: (n,) integers from 0.
    """
    arrays = _read(path)
    pixels, labels, parts = [], [], []
    for part in ("train", "test"):
        x = _as_pixels(arrays[f"x_{part}"], f"x_{part} in {path}")
        pixels.append(x)
        labels.append(as_labels(arrays[f"y_{part}"], len(x), f"y_{part} in {path}"))
        parts += [part] * len(x)
    train, test = pixels
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise InputError(
            f"x_train and x_test in {path} differ: {train.dtype} (c, h, w) = {train.shape[1:]} "
            f"against {test.dtype} {test.shape[1:]}; give both one size and type"
        )
    joined = np.concatenate(labels)
    names = [f"{part}/{i}" for part in ("train", "test") for i in range(parts.count(part))]
    return Found(
        name=path.stem,
        source=ArraySource(np.concatenate(pixels), joined, names),
        classes=numbered_classes(joined, str(path)),
        parts=np.array(parts),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path):  # np.load would read a .npy too
            pass
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in KEYS if key not in file.files]
            if missing:
                raise InputError(
                    f"{path} has no {', '.join(missing)} (it has {', '.join(file.files) or 'none'})"
                    f"; save it with {', '.join(KEYS)}"
                )
            return {key: file[key] for key in KEYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"cannot read {path} as .npz of plain arrays ({error}); save it with numpy.savez"
        ) from error


def _as_pixels(x: np.ndarray, where: str) -> np.ndarray:
    """Return images (n, c, h, w), uint8 or float32 in [0, 1]."""
    if x.ndim not in (3, 4) or x.size == 0:
        raise InputError(f"{where} has shape {x.shape}; images must be (n, h, w) or (n, h, w, c)")
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[1] == x.shape[3]:
        raise InputError(
            f"{where} has shape {x.shape}, in which the channels cannot be told; "
            "save it as (n, h, w, c) with fewer channels than rows"
        )
    elif x.shape[3] < x.shape[1]:
        x = x.transpose(0, 3, 1, 2)
    if x.dtype.kind in "iu":
        if x.min() < 0 or x.max() > 255:
            raise InputError(
                f"{where} holds integers from {x.min()} to {x.max()}; they must lie in 0..255"
            )
        return x.astype(np.uint8, copy=False)
    if x.dtype.kind == "f":
        check_images(x, where)
        return x.astype(np.float32, copy=False)
    raise InputError(f"{where} holds {x.dtype} values; images must be uint8 or float")
