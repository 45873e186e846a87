"""How many images a command may be asked for: as many as memory and disk hold."""

import shutil
from pathlib import Path

from offmanifold.errors import InputError
from offmanifold.memory import available_memory

COLUMNS = 6  # pictures of a row of `generate`, at most
FLOAT32 = 4  # bytes


def check_amount(n: int, shape: tuple[int, int, int], out: Path) -> None:
    """Raise InputError for a number of images (c, h, w) below 1, or more than can be held.

    All rows are held at the end, and written to the disk that `out` is on, or will be.
    """
    if n < 1:
        raise InputError(f"-n must be 1 or more, not {n}")
    c, h, w = shape
    needed = n * COLUMNS * FLOAT32 * c * h * w
    place = next(p for p in (out, *out.absolute().parents) if p.is_dir())
    free = {"memory": available_memory(), "disk": shutil.disk_usage(place).free}
    for what, there in free.items():
        if there is not None and needed > there:
            raise InputError(
                f"-n {n} would take about {_amount(needed)} of {what}, and "
                f"{_amount(there)} are free; ask for at most {int(n * (there / needed)):,}"
            )


def _amount(n: float) -> str:
    """Write a number of bytes.

    >>> _amount(2.5e11), _amount(3e6)
    ('250.0 GB', '3.0 MB')
    """
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.1f} MB"
