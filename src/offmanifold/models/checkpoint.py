"""Weights in a file: safetensors, or a state dict that is read without running its code."""

import argparse
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold.errors import InputError
from offmanifold.files import read_tensors

WRAPPERS = (
    *("state_dict", "model_state_dict", "model", "net", "network", "weights", "params"),
    *("state_dict_ema", "model_ema", "ema"),  # averaged weights only where there are no others
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
NAME_KEYS = ("classes", "class_names", "class_to_idx")


@dataclass(frozen=True)
class Checkpoint:
    """A state dict as it was stored, and the names of the outputs where the file gives them."""

    path: Path
    tensors: dict[str, Tensor]
    classes: tuple[str, ...] | None = None


def read_checkpoint(path: str | Path, allow_pickle: bool = False) -> Checkpoint:
    """Read `.safetensors`, or any file of `torch.save` that holds a state dict, wrapped or not.

    Class names come from an entry "classes", "class_names" or "class_to_idx" (of the safetensors
    metadata, as JSON). Raises InputError for a file that is missing, broken, holds no state dict,
    or would have to be unpickled freely, unless `allow_pickle`.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        tensors, metadata = read_tensors(path)
        return Checkpoint(path, tensors, _class_names(metadata))
    stored = _torch_load(path, allow_pickle)
    classes = None
    while isinstance(stored, Mapping) and not _is_state_dict(stored):
        classes = classes or _class_names(stored)
        inner = [stored[k] for k in WRAPPERS if isinstance(stored.get(k), (Mapping, nn.Module))]
        stored = inner[0] if inner else None
    if isinstance(stored, nn.Module):  # only where allow_pickle let it through
        stored = stored.state_dict()
    if not isinstance(stored, Mapping):
        raise InputError(
            f"{path} holds no state dict (names → tensors); save one with "
            f'torch.save(model.state_dict(), "{path.name}")'
        )
    classes = classes or _class_names(stored)
    return Checkpoint(path, {k: v for k, v in stored.items() if isinstance(v, Tensor)}, classes)


def load_weights(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Load a state dict strictly; raises InputError that names what is missing, extra or unlike."""
    wanted = module.state_dict()
    # batch counters are of no use in eval mode, and older files lack them
    missing = [k for k in wanted if k not in tensors and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in tensors if k not in wanted]
    unlike = [
        f"{k} {tuple(tensors[k].shape)} instead of {tuple(wanted[k].shape)}"
        for k in wanted
        if k in tensors and tensors[k].shape != wanted[k].shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", unlike))
    said = [f"{len(keys)} {fault} ({_few(keys)})" for fault, keys in faults if keys]
    if said:
        raise InputError(f"{where}: {', '.join(said)}; check that it is the same architecture")
    module.load_state_dict(tensors)


def unprefixed(tensors: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors under the names `module` has for them.

    Wrappers' prefixes ("module.", "_orig_mod." …) are removed, in any nesting, where that makes
    more names match; tensors outside the prefix (a criterion, a counter) are then left out.
    """
    candidates = [tensors]
    for names in candidates:  # grows while it is read: one more prefix removed each time
        for prefix in PREFIXES:
            inner = {k.removeprefix(prefix): v for k, v in names.items() if k.startswith(prefix)}
            if inner:
                candidates.append(inner)
    wanted = module.state_dict().keys()
    return max(candidates, key=lambda names: len(wanted & names.keys()))


def _torch_load(path: Path, allow_pickle: bool) -> Any:
    try:
        # timm's own checkpoints hold an argparse.Namespace, which can run nothing
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except OSError as error:
        raise InputError(f"cannot read the weights {path}: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is a pickle of more than tensors (a whole module, or other objects), which "
            "can run code when read; save model.state_dict() instead, or give --allow-pickle if "
            "you trust the file"
        ) from error
    except Exception as error:  # torch has no one error for a file that is none of its own
        raise InputError(f"{path} is not a file of weights, or is damaged") from error


def _is_state_dict(stored: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in stored.values())


def _class_names(entries: Mapping[Any, Any]) -> tuple[str, ...] | None:
    for key in NAME_KEYS:
        value = entries.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                continue
        if isinstance(value, Mapping):
            if all(isinstance(v, int) for v in value.values()):  # {"cat": 0, "dog": 1}
                return tuple(str(k) for k in sorted(value, key=lambda k: value[k]))
            return tuple(str(value[k]) for k in sorted(value, key=int))  # {0: "cat", 1: "dog"}
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
            return tuple(value)
    return None


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
