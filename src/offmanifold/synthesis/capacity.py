"""How many images may be asked for: as many as memory and disk hold."""

import shutil
from pathlib import Path

from offmanifold._core.errors import InputError
from offmanifold._core.memory import available_memory

COLUMNS = 6  # pictures of a row, at most
FLOAT32 = 4  # bytes
BLOCK = 4096  # bytes on disk of a small PNG file


def check_amount(n: int, shape: tuple[int, int, int]) -> None:
    """Raise InputError for a number of images (c, h, w) below 1, or more than memory can hold."""
    if n < 1:
        raise InputError(f"`n` must be 1 or more, not {n}")
    needed, there = n * _bytes(shape), available_memory()
    if there is not None and needed > there:
        raise InputError(
            f"`n` {n} would take about {_amount(needed)} of memory, and {_amount(there)} are free; "
            f"ask for at most {int(n * (there / needed)):,}"
        )


def check_room(folder: Path, n: int, kept: int, shape: tuple[int, int, int]) -> None:
    """Raise InputError where n images (c, h, w), of which some are kept, are too many for the disk.

    The others are written in batches, then all of them together, with their PNG files, before the
    batches go. folder: of the images, whose parent is there.
    """
    each = _bytes(shape)
    needed = (n - kept) * each + n * (each + COLUMNS * BLOCK)
    there = shutil.disk_usage(folder.parent).free
    if needed > there:
        raise InputError(
            f"what is made in {folder} can take up to {_amount(needed)} of disk, and "
            f"{_amount(there)} are free; free some, or choose another `folder`"
        )


def _bytes(shape: tuple[int, int, int]) -> int:
    c, h, w = shape
    return COLUMNS * FLOAT32 * c * h * w


def _amount(n: float) -> str:
    """Write a number of bytes.

    >>> _amount(2.5e11), _amount(3e6)
    ('250.0 GB', '3.0 MB')
    """
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.1f} MB"
