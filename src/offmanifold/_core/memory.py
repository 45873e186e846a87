"""Memory that a loop frees and asks for again at every step."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

# Of glibc's mallopt; the values restored are those its own heuristic ends with in such a loop.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = {M_TRIM_THRESHOLD: 2**31 - 1, M_MMAP_THRESHOLD: 2**25}  # bytes
USUAL = {M_TRIM_THRESHOLD: 2**26, M_MMAP_THRESHOLD: 2**25}


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Have the C library keep freed memory of the CPU for the next allocation; give it back after.

    By default glibc returns large blocks to the kernel, which must hand out and clear each page
    anew: a fifth of a training step of small-resnet. Does nothing where the C library has no
    mallopt.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    if library is None or not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    for option, value in KEPT.items():
        library.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL.items():
            library.mallopt(option, value)
        library.malloc_trim(0)


def available_memory() -> int | None:
    """Return the bytes that can be asked for without swapping, or None where it is not told."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(found[0]) if found else None
