"""The errors a user can meet; each is one sentence that names what, where and the mend."""

import contextlib
import difflib
import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


class InputError(Exception):
    """What the user gave cannot be used: a path, a name, an image, a flag (exit code 2)."""


class MissingExtra(InputError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, feature: str):
        super().__init__(
            f"{feature} needs {package}, which is not installed; "
            f'run: pip install "offmanifold[{extra}]"'
        )


class RunError(Exception):
    """A run went wrong though its input was usable: a full disk, a diverged loss (exit code 1)."""


for _error in (InputError, MissingExtra, RunError):
    _error.__module__ = "offmanifold"  # where users have them from


class Diverged(RunError):
    """Training gave NaN, infinity or an exploding loss: the strength or the rate is too large."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not in a vocabulary, with the nearest known one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return InputError(f'unknown {kind} "{name}"; {hint}known: {", ".join(known) or "none"}')


@contextlib.contextmanager
def named_write_errors(path: Path) -> Iterator[None]:
    """Raise InputError where a place is unwritable, RunError on a full disk, with its path."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise RunError(
                f"no space left to write {path}; what was finished is kept: free space and run "
                "the same command again"
            ) from error
        raise InputError(
            f"cannot write {path} ({error.strerror or error}); choose a writable folder with `out`"
        ) from error


def of_the_system(error: OSError) -> InputError | RunError | None:
    """Return what a user can mend of an error that the system gave, None of a bug's."""
    if error.filename is None:
        return None
    said = f"{error.filename}: {error.strerror}"
    if error.errno in FULL:
        return RunError(f"no space left ({said}); free some and run the same command again")
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"a name is too long for this file system ({said}); give a shorter one")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP):
        return InputError(f"cannot be read or written ({said}); choose another place")
    return None
