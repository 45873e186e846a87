"""Optional libraries: imported when used, and named when they are missing or broken."""

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

from offmanifold._core.errors import InputError, MissingExtra, unknown_name
from offmanifold._core.faults import first_line


def import_extra(package: str, feature: str) -> Any:
    """Return an optional package, or a module of one; the extra has the package's name.

    Raises MissingExtra where it, or one it needs, is not installed, and InputError where it is
    installed but broken, as torchvision is beside another version of torch.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        missing = (error.name or package).partition(".")[0]
        raise MissingExtra(missing, package.partition(".")[0], feature) from error
    except Exception as error:
        raise InputError(
            f"{feature} needs {package}, which is installed but cannot be imported "
            f"({first_line(error)}); install versions of torch and torchvision that match"
        ) from error


def unknown_architecture(library: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that a library of hundreds does not have, with the nearest."""
    return unknown_name(
        f"{library} model", name, difflib.get_close_matches(name, list(known), n=5, cutoff=0)
    )


def cannot_make(spec: str, error: BaseException, pretrained: bool) -> InputError:
    """Return the error for a library that cannot make a model or fetch its published weights."""
    if not pretrained:
        return InputError(f"cannot make {spec} ({first_line(error)})")
    return InputError(
        f"cannot get the published weights of {spec} ({first_line(error)}); "
        "give a local file with `weights` FILE"
    )
