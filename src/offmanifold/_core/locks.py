"""Places that are held by the process that writes them, which lets go of them however it ends."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from offmanifold._core.errors import InputError, named_write_errors

try:
    import fcntl
except ImportError:  # where there are no such locks, nobody is kept out
    fcntl = None

TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
LOCK = ".lock"


def is_taken(handle: int) -> bool | None:
    """Lock an open file or folder unless another process has; None where nobody can tell."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # some file systems know no locks
        return True if error.errno in TAKEN else None
    return False


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file or folder is the one that lies at a path still."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except OSError:
        return False


@contextlib.contextmanager
def held(place: Path, lock: Path | None = None) -> Iterator[None]:
    """Hold a folder, so that a second process that would write there is refused at once.

    lock: the file by which it is held, which is gone afterwards; `.lock` in the folder by default.
    Raises InputError where another process holds it.
    """
    lock = place / LOCK if lock is None else lock
    with named_write_errors(place):
        handle = _locked(place, lock)
    try:
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(handle)


def _locked(place: Path, lock: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        if is_taken(handle):
            by = os.read(handle, 20).decode(errors="replace").strip()
            os.close(handle)
            raise InputError(
                f"another process{f' ({by})' if by else ''} writes in {place}; wait until it has "
                "ended, or choose another folder with `out`"
            )
        if is_at(handle, lock):
            return handle
        os.close(handle)  # who held it has just ended, and its file is gone
