"""What a callable is made of, so that two that may give other numbers have other names."""

import inspect
import sys
from functools import partial
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.faults import is_library
from offmanifold._core.files import content_hash, tensors_hash
from offmanifold.models.local_code import code_of

HOOKS = ("_forward_hooks", "_forward_pre_hooks")
PLAIN = bool | int | float | str | bytes | torch.dtype | None
OF_MODULES = {*vars(nn.Module()), "_non_persistent_buffers_set"}  # what every module holds


def content_of(value: Any) -> Any:
    """Return JSON values that name the content of a callable, as it runs.

    Of a module: its weights, and of each of its parts the class, what it holds besides, and its
    hooks. Of a function: its compiled code, and what it uses by name. Classes and functions of
    libraries count by their names; those of a `FILE.py` by the hash of its code too.
    """
    return _content(value, {})


def code_content(value: Any) -> str | None:
    """Return 12 hex digits over what is no library's in a callable or object; None where all is."""
    kind = value if inspect.isclass(value) or inspect.isfunction(value) else type(value)
    return None if _is_of_library(kind) else content_hash(content_of(value))


def own_code(code: str | None) -> dict[str, str]:
    """Return what a config says of code that is no library's: nothing where there is none."""
    return {} if code is None else {"code": code}


def _content(value: Any, seen: dict[int, Any]) -> Any:
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, list | tuple) and all(isinstance(one, PLAIN) for one in value):
        return [repr(one) for one in value]  # which may be one object in one process, and two
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        return tensors_hash({"": value})
    if id(value) in seen:
        return "again"
    seen[id(value)] = value  # held: what is made on the way would hand on its id

    def inside(held: dict[str, Any]) -> list[Any]:
        return [[name, _content(held[name], seen)] for name in sorted(held)]

    if isinstance(value, nn.Module):
        buffers = {f"buffer {name}": buffer for name, buffer in value.named_buffers()}
        parts = [[name, *_part(part, inside)] for name, part in value.named_modules()]
        saved = {k: v for k, v in value.state_dict().items() if isinstance(v, Tensor)}
        return [parts, tensors_hash({**saved, **buffers})]
    if isinstance(value, list | tuple | set | frozenset):
        ordered = value if isinstance(value, list | tuple) else sorted(value, key=repr)
        return [_content(one, seen) for one in ordered]
    if isinstance(value, dict):
        return inside({str(key): one for key, one in value.items()})
    if isinstance(value, partial):
        held = {"function": value.func, "arguments": value.args, "named": value.keywords}
        return ["partial", inside(held)]
    if inspect.ismethod(value):
        return [value.__name__, _content(value.__self__, seen)]
    if inspect.isfunction(value):
        if _is_of_library(value):
            return _name(value)
        used = inspect.getclosurevars(value)
        given = {"defaults": value.__defaults__, "named": value.__kwdefaults__}
        return [
            code_of(value.__module__),
            _code(value.__code__),
            inside({**used.globals, **used.nonlocals}),
            inside(given),
        ]
    if inspect.isclass(value):
        return _name(value) if _is_of_library(value) else _class(value, inside)
    if inspect.ismodule(value) or _is_of_library(type(value)):
        return _name(value if hasattr(value, "__name__") else type(value))
    held = {k: v for k, v in getattr(value, "__dict__", {}).items() if k != "training"}
    return [_class(type(value), inside), inside(held)]


def _part(module: nn.Module, inside: Any) -> list[Any]:
    """Return the class of a module, what it holds beside parameters and parts, and its hooks."""
    own = not _is_of_library(type(module))
    held = {k: v for k, v in vars(module).items() if k not in OF_MODULES}
    if not own:  # of libraries what is plain: caches and the like are theirs
        held = {k: v for k, v in held.items() if k[0] != "_" and _is_plain(v)}
    hooks = [[*getattr(module, name).values()] for name in HOOKS]
    named = _class(type(module), inside) if own else _name(type(module))
    return [named, inside(held), inside({"hooks": hooks})]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return inspect.isfunction(value) or isinstance(value, PLAIN | Tensor)


def _class(kind: type, inside: Any) -> list[Any]:
    """Return what a class and its bases do: those of libraries by name."""
    found: list[Any] = [_name(kind), code_of(kind.__module__)]
    for base in kind.__mro__:
        if _is_of_library(base):
            found.append(_name(base))
            continue
        held = {k: getattr(v, "__func__", v) for k, v in vars(base).items()}
        held |= {k: v.fget for k, v in held.items() if isinstance(v, property)}
        own = {k: v for k, v in held.items() if k[:2] != "__" or inspect.isfunction(v)}
        found.append(inside(own))
    return found


def _is_of_library(value: Any) -> bool:
    """Whether a class or function is of Python, of this package, or of one that is installed."""
    name = getattr(value, "__module__", None) or ""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is not None:
        return is_library(file)
    return name != "__main__" and (module is not None or name.partition(".")[0] == "torch")


def _name(value: Any) -> str:
    """Return the qualified name of a class or function, or that of a module, wherever it lies."""
    if inspect.ismodule(value):
        name = value.__name__
        return name if code_of(name) is None else name.partition(".")[2]
    own = getattr(value, "__qualname__", value.__name__)
    home = getattr(value, "__module__", None) or ""
    return own if code_of(home) is not None else f"{home}.{own}"


def _code(code: CodeType) -> list[Any]:
    """Return what compiled code does, in whatever file it stands."""
    inner = [_code(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), inner]


def _constant(value: Any) -> str:
    return repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)
