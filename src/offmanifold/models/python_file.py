"""`FILE.py:FUNCTION`: a model that the user's own code makes."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn

from offmanifold.errors import InputError, unknown_name
from offmanifold.models.extras import first_line
from offmanifold.models.network import Network, Wanted


def python_network(spec: str, wanted: Wanted) -> Network:
    """Call FUNCTION() of FILE.py, which must return an `nn.Module`: images → logits.

    Names of the outputs are the module's attribute `classes`, or `CLASSES` or `classes` of the
    file. Raises InputError for a missing file or function, and for code that raises.
    """
    path, _, function = spec.rpartition(":")
    try:
        source = _imported(Path(path))
        if not callable(getattr(source, function, None)):
            known = [k for k, v in vars(source).items() if callable(v) and not k.startswith("_")]
            raise unknown_name(f"function of {path}", function, known)
        module = getattr(source, function)()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{spec} raised {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{spec} returned {type(module).__name__}; it must return a torch.nn.Module "
            "that maps images to logits"
        )
    for owner, name in ((module, "classes"), (source, "CLASSES"), (source, "classes")):
        names = getattr(owner, name, None)
        if isinstance(names, (list, tuple)):
            return Network(module, classes=tuple(str(n) for n in names))
    return Network(module)


def _imported(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"there is no file {path}; a model of your own is FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(f"offmanifold_user_{path.stem}", path)
    assert spec is not None  # of any .py path
    assert spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = source  # dataclasses and pickles of the file look for it there
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # it may import its neighbours, as it can when run by itself
    try:
        spec.loader.exec_module(source)
    finally:
        sys.path.remove(folder)
    return source
