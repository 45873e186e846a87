"""`FILE.npz`: arrays x_train, y_train, x_test, y_test."""

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from offmanifold._core.errors import InputError
from offmanifold._core.memory import available_memory
from offmanifold.data.arrays import ArraySource
from offmanifold.data.checks import check_images
from offmanifold.data.labels import as_labels, numbered_classes
from offmanifold.data.request import Found, Request
from offmanifold.data.white_level import told, white_of

KEYS = ("x_train", "y_train", "x_test", "y_test")
SHARE = 1 / 8  # of the memory that is free: arrays are held thrice while they are joined


def open_npz(path: Path, request: Request) -> Found:
    """Return the images of both parts, train first.

    x: (n, h, w), (n, h, w, c) or (n, c, h, w), where c is the smaller of the two possible axes;
    integers in 0..255, uint16 or int16 (`white_of` says what is white), bool, or floats in [0, 1].
    y: (n,) integers from 0. Raises InputError too, before anything is unpacked, for arrays of more
    than `SHARE` of the free memory.
    """
    arrays = _read(path)
    pixels, labels, parts = [], [], []
    for part in ("train", "test"):
        where = f"x_{part} in {path}"
        x = checked(in_order(arrays[f"x_{part}"], where), where)
        pixels.append(x)
        labels.append(as_labels(arrays[f"y_{part}"], len(x), f"y_{part} in {path}"))
        parts += [part] * len(x)
    if all(x.dtype != np.float32 and x.max() <= 255 for x in pixels):
        pixels = [x.astype(np.uint8, copy=False) for x in pixels]
    train, test = pixels
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        raise InputError(
            f"x_train and x_test in {path} differ: {train.dtype} (c, h, w) = {train.shape[1:]} "
            f"against {test.dtype} {test.shape[1:]}; give both one size and type"
        )
    both, notes, whites = as_pixels(np.concatenate(pixels), f"x_train and x_test of {path}")
    joined = np.concatenate(labels)
    names = [f"{part}/{i}" for part in ("train", "test") for i in range(parts.count(part))]
    return Found(
        name=path.stem,
        source=ArraySource(both, joined, names),
        classes=numbered_classes(joined, str(path)),
        parts=np.array(parts),
        told=tuple(notes),
        whites=whites,
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as file:  # np.load would read a .npy too
            missing = [key for key in KEYS if f"{key}.npy" not in file.namelist()]
            if missing:
                there = ", ".join(name.removesuffix(".npy") for name in file.namelist())
                raise InputError(
                    f"{path} has no {', '.join(missing)} (it has {there or 'none'})"
                    f"; save it with {', '.join(KEYS)}"
                )
            _check_size(file, path)
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in KEYS}
    except InputError:
        raise
    except Exception as error:  # zipfile raises nearly anything on broken or encrypted files
        raise InputError(
            f"cannot read {path} as .npz of plain arrays ({error}); save it with numpy.savez"
        ) from error


def _check_size(file: zipfile.ZipFile, path: Path) -> None:
    """Raise InputError where the arrays, as their headers declare them, need too much memory."""
    declared = sum(_declared(file, f"{key}.npy") for key in KEYS)
    free = available_memory()
    if free is not None and declared > SHARE * free:
        raise InputError(
            f"{path} unpacks to {declared / 1e9:.3g} GB, more than an eighth of the "
            f"{free / 1e9:.3g} GB of memory that are free; save fewer images, or as uint8, or "
            "encoded ones in a folder or a .parquet, which are read as they are needed"
        )


def _declared(file: zipfile.ZipFile, name: str) -> int:
    """Return the bytes of an array by its header; raises ValueError where the member has others."""
    with file.open(name) as member:
        read = {
            (1, 0): npy.read_array_header_1_0,
            (2, 0): npy.read_array_header_2_0,
        }.get(npy.read_magic(member))
        if read is None:
            return file.getinfo(name).file_size
        shape, _, dtype = read(member)
        size = math.prod(shape) * dtype.itemsize
    if size > file.getinfo(name).file_size and not dtype.hasobject:
        raise ValueError(f"{name} declares {size} bytes and holds fewer")
    return size


def in_order(x: np.ndarray, where: str) -> np.ndarray:
    """Return images (n, c, h, w) of an array of any layout."""
    if x.ndim not in (3, 4) or x.size == 0:
        raise InputError(f"{where} has shape {x.shape}; images must be (n, h, w) or (n, h, w, c)")
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] == x.shape[3]:
        raise InputError(
            f"{where} has shape {x.shape}, in which the channels cannot be told; "
            "save it as (n, h, w, c) with fewer channels than rows"
        )
    return x.transpose(0, 3, 1, 2) if x.shape[3] < x.shape[1] else x


def checked(x: np.ndarray, where: str) -> np.ndarray:
    """Return the values as uint8, uint16 or float32 in [0, 1]; raises InputError for others."""
    if x.dtype.kind == "f":
        check_images(x, where)
        return x.astype(np.float32, copy=False).clip(0, 1)
    if x.dtype.kind not in "iub":
        raise InputError(f"{where} holds {x.dtype} values; images must be uint8 or float")
    low, high = int(x.min()), int(x.max())
    wide = x.dtype.itemsize == 2
    if low < 0 or high > (65535 if wide else 255):
        raise InputError(
            f"{where} holds integers from {low} to {high}; they must lie in 0..255, or be uint16; "
            "else divide them by the value of white, and save floats in [0, 1]"
        )
    return x.astype(np.uint16 if wide else np.uint8, copy=False)


def as_pixels(x: np.ndarray, where: str) -> tuple[np.ndarray, list[str], dict[int, int]]:
    """Return images as uint8 or as float32 in [0, 1], what is to be said of white, and whites."""
    high = float(x.max())
    if x.dtype == np.float32:
        return x, told(high, 1, 1, where), {}
    bits = 8 * x.dtype.itemsize
    white = white_of(int(high), bits)
    notes = told(high, white, 2**bits - 1, where)
    if bits == 16:
        return np.divide(x, white, dtype=np.float32), notes, {bits: white}
    return (x * np.uint8(255) if white == 1 else x), notes, {bits: white}
