"""`FILE.py:FUNCTION`: a model that the user's own code makes."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.faults import told
from offmanifold._core.files import content_hash
from offmanifold.models.local_code import code_of, local_code
from offmanifold.models.network import Network, Wanted


def python_network(spec: str, wanted: Wanted) -> Network:
    """Call FUNCTION() of FILE.py, which must return an `nn.Module`: images → logits.

    Names of the outputs are the module's attribute `classes`, or `CLASSES` or `classes` of the
    file. Raises InputError for a missing file or function, and for code that raises.
    """
    module, file = call_function(spec)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{spec} returned {type(module).__name__}; it must return a torch.nn.Module "
            "that maps images to logits"
        )
    return Network(module, classes=class_names(module, file), code=code_hash(spec, file))


def call_function(spec: str, **offered: Any) -> tuple[Any, ModuleType]:
    """Return what FUNCTION of FILE.py returns, and the file; it gets what it asks for of `offered`.

    Raises InputError for a missing file or function, and for code that raises.
    """
    path, _, name = spec.rpartition(":")
    try:
        code = local_code(Path(path))
        file = code.file
        function = getattr(file, name, None)
        if not callable(function):
            known = [k for k, v in vars(file).items() if callable(v) and not k.startswith("_")]
            raise unknown_name(f"function of {path}", name, known)
        asked = inspect.signature(function).parameters if offered else {}
        with code.at_work():
            return function(**{k: v for k, v in offered.items() if k in asked}), file
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a script may end the process when it is imported
        raise InputError(f"{spec} raised {told(error)}") from error


def code_hash(spec: str, file: ModuleType) -> str:
    """Return 12 hex digits over the FUNCTION of a spec, its file's code and that of neighbours."""
    return content_hash([spec.rpartition(":")[2], code_of(file.__name__)])


def class_names(made: Any, file: ModuleType) -> tuple[str, ...] | None:
    """Return the attribute `classes` of what a file made, or `CLASSES` or `classes` of the file."""
    for owner, name in ((made, "classes"), (file, "CLASSES"), (file, "classes")):
        names = getattr(owner, name, None)
        if isinstance(names, (list, tuple)):
            return tuple(str(n) for n in names)
    return None
