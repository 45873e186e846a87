"""The errors a user can meet; each is one sentence that names what, where and the mend."""

import difflib
from collections.abc import Iterable


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


class Diverged(RunError):
    """Training gave NaN, infinity or an exploding loss: the strength or the rate is too large."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not in a vocabulary, with the nearest known one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return InputError(f'unknown {kind} "{name}"; {hint}known: {", ".join(known)}')
