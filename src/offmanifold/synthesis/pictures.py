"""Image files that a user gives, and masks: read, and what of them is altered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import short
from offmanifold._core.log import note
from offmanifold.data.decode import (
    BadImage,
    altered_in_decoding,
    decode,
    in_8_bits,
    stored,
    unwarned,
)
from offmanifold.data.pixels import to_channels, to_unit
from offmanifold.data.white_level import told, white_of
from offmanifold.synthesis.inpainting import checked_hole


def read_pictures(
    paths: Sequence[Path], channels: int | None, whites: Mapping[int, int] | None = None
) -> list[Tensor]:
    """Return image files as (c, h, w) float32 in [0, 1], each of its own size.

    Alpha is dropped and 16 bits are brought to 8, as wherever images are read; what is white
    follows from all of them, and is said where it is not the usual. whites: those of the data that
    they belong to, by bits, which hold for them too unless a value exceeds them. Raises InputError
    for a file that is no image, or one without a rule to that many channels.
    """
    values = [_stored(path) for path in paths]
    known, whites = whites or {}, {}
    for bits, usual in ((8, 255), (16, 65535)):
        if found := [int(v.max()) for v in values if 8 * v.itemsize == bits]:
            high = max(found)
            holds = high <= known.get(bits, -1)
            whites[bits] = known[bits] if holds else white_of(high, bits)
            expected = known[bits] if holds else usual
            for sentence in told(high, whites[bits], expected, f"what is given ({bits} bits)"):
                note(sentence)
    read = []
    for path, v in zip(paths, values, strict=True):
        try:
            x = to_unit(in_8_bits(v, whites[8 * v.itemsize]).numpy())
            read.append(to_channels(x, channels))
        except ValueError as error:
            raise InputError(f"{path} does not fit the model: {error}") from error
    return read


def read_picture(path: Path, channels: int | None) -> Tensor:
    """Return one image file by itself; see `read_pictures`."""
    return read_pictures([path], channels)[0]


def _stored(path: Path) -> np.ndarray:
    try:
        with unwarned():
            return stored(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except BadImage as error:
        raise InputError(f"cannot read {path}: {error}") from error


def alterations(path: Path, channels: int, size: tuple[int, int]) -> tuple[str, ...]:
    """Return what is altered of an image file that becomes (channels, *size), in order.

    Of bits, colours, alpha, channels, size; nothing where the pixels are those of the file.
    """
    content = path.read_bytes()
    c, *given = decode(content).shape
    more = {"channels": c != channels, "size": tuple(given) != size}
    return (*altered_in_decoding(content), *(name for name, there in more.items() if there))


def read_mask(path: Path, size: tuple[int, int]) -> Tensor:
    """Return a mask file as (1, h, w) bool, true where it is brighter than mid-grey: the hole.

    Raises InputError for another size than the image's, or where it is all or nothing.
    """
    hole = read_picture(path, 1) > 0.5
    try:
        return checked_hole(hole[None], torch.empty(1, 1, *size))[0]
    except InputError as error:
        alpha = "; its alpha is not looked at" if "alpha" in alterations(path, 1, size) else ""
        raise InputError(f"{path}: {error}{alpha}") from error


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return a name for the result of each file, no two alike."""
    names: list[str] = []
    for path in paths:
        stem, k = short(path.stem, 230), 2
        name = stem
        while name in names:
            name, k = f"{stem}-{k}", k + 1
        names.append(name)
    return names
