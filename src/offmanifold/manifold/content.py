"""What a callable is made of, so that two that may give other numbers have other names."""

import inspect
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold.files import tensors_hash


def content_of(value: Any) -> Any:
    """Return JSON values that name the content of a denoiser.

    Of a module: its class and its weights. Of what has none: its code, and likewise the modules,
    tensors and numbers that a function uses by name, or an object holds. Functions of libraries
    count by their names.
    """
    return _content(value, getattr(value, "__module__", None), set())


def _content(value: Any, home: str | None, seen: set[int]) -> Any:
    if isinstance(value, bool | int | float | str | None):
        return repr(value)
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if isinstance(value, Tensor):
        return tensors_hash({"": value})
    if isinstance(value, nn.Module) and value.state_dict():
        return [_name(type(value)), tensors_hash(value.state_dict())]
    if id(value) in seen:
        return "again"
    seen.add(id(value))

    def inside(held: dict[str, Any]) -> list[Any]:
        return [[name, _content(held[name], home, seen)] for name in sorted(held)]

    if isinstance(value, list | tuple):
        return [_content(one, home, seen) for one in value]
    if isinstance(value, dict):
        return inside({str(key): one for key, one in value.items()})
    if isinstance(value, partial):
        held = {"function": value.func, "arguments": value.args, "named": value.keywords}
        return ["partial", inside(held)]
    if inspect.ismethod(value):
        return [value.__name__, _content(value.__self__, home, seen)]
    if inspect.isfunction(value):
        if value.__module__ != home:
            return _name(value)
        used = inspect.getclosurevars(value)
        return [_code(value), inside({**used.globals, **used.nonlocals})]
    if inspect.isclass(value) or inspect.ismodule(value) or type(value).__module__ != home:
        return _name(value if hasattr(value, "__name__") else type(value))
    held = {k: v for k, v in vars(value).items() if k[0] != "_" and k != "training"}
    return [_code(type(value)), inside(held)]


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value.__name__)}"


def _code(value: Any) -> str:
    """Return the source of a function or class; else the compiled code, or the name."""
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        code = getattr(value, "__code__", None)
        return _name(value) if code is None else f"{code.co_code.hex()} {code.co_consts}"
