"""Places that are held by the process that writes them, which lets go of them however it ends."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from offmanifold._core.errors import InputError, named_write_errors

try:
    import fcntl
except ImportError:  # on Windows, where what killed processes left is left
    fcntl = None

TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
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
    Raises InputError where another process holds it. Where a file system knows no locks, nobody is
    kept out.
    """
    lock = place / LOCK if lock is None else lock
    by = FileLock(lock, timeout=0, thread_local=False)
    with named_write_errors(place):
        _acquire(by, place, lock)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()  # while it is held: who waits for it finds another file at its place
        by.release()


def _acquire(by: BaseFileLock, place: Path, lock: Path) -> None:
    try:
        by.acquire()
        lock.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except Timeout:
        with contextlib.suppress(OSError):
            holder = lock.read_text(encoding="utf-8", errors="replace").strip()[:20]
            raise InputError(
                f"another process{f' ({holder})' if holder else ''} writes in {place}; wait until "
                "it has ended, or choose another folder with `out`"
            ) from None
        raise InputError(f"another process writes in {place}; wait until it has ended") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
