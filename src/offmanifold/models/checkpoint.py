"""Weights in a file: safetensors, or a state dict that is read without running its code."""

import argparse
import errno
import itertools
import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.faults import told
from offmanifold._core.files import content_hash, file_hash, read_tensors
from offmanifold.models.file_kinds import check_weights_file, is_safetensors, shards_of

Names = tuple[str, ...]

WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"),
    *("params", "module", "classifier", "backbone"),
    *("state_dict_ema", "model_ema", "ema"),  # averaged weights only where there are no others
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "_forward_module.")
WITHIN = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
NAME_KEYS = ("classes", "class_names", "class_to_idx")
IN_FOLDER = (
    *("*.safetensors.index.json", "*.index.json", "*.safetensors"),
    *("pytorch_model.bin", "*.pth", "*.pt", "*.bin", "*.ckpt"),
)


@dataclass(frozen=True)
class Checkpoint:
    """A state dict as it was stored, and the names of the outputs where the file gives them."""

    path: Path
    tensors: dict[str, Tensor]
    classes: tuple[str, ...] | None = None


def read_checkpoint(path: str | Path, allow_pickle: bool | None = False) -> Checkpoint:
    """Read safetensors, or a file of `torch.save` that holds a state dict, wrapped or not.

    An index of shards (`*.index.json`), or a folder with one, or with one file of weights, will do
    too; the kind of a file is told by its content, not by its name. Class names come from an entry
    "classes", "class_names" or "class_to_idx" (of the safetensors metadata, as JSON). Raises
    InputError for a file that is missing, broken, something else than weights, holds no state
    dict, or would have to be unpickled freely, unless `allow_pickle` (None: which nobody can give).
    """
    tensors: dict[str, Tensor] = {}
    classes = None
    for part in weight_files(Path(path)):
        if part.suffix == ".json":
            continue
        found, named = _read(part, allow_pickle)
        tensors |= found
        classes = classes or named
    return Checkpoint(Path(path), tensors, classes)


def weights_hash(path: Path) -> str:
    """Return 12 hex digits over the content of all files that weights are read from."""
    files = [file_hash(part) for part in weight_files(path)]
    return files[0] if len(files) == 1 else content_hash(files)


def weight_files(path: Path) -> list[Path]:
    """Return the one file of weights at a path, or an index and all files that it names."""
    if path.is_dir():
        kinds = [sorted(path.glob(kind)) for kind in IN_FOLDER]
        found = next((files for files in kinds if files), [])
        if len(found) != 1:
            some = ", ".join(file.name for file in found[:5])
            raise InputError(
                f"{path} is a folder with {len(found)} files of weights"
                f"{some and f' ({some})'}; give one file, or an index of shards (*.index.json)"
            )
        path = found[0]
    if path.suffix == ".json":
        return [path, *shards_of(path)]
    return [path]


def _read(path: Path, allow_pickle: bool | None) -> tuple[dict[str, Tensor], Names | None]:
    """Return the tensors of one file, and the names of the classes where it gives them."""
    if is_safetensors(path):
        tensors, metadata = read_tensors(path)
        return tensors, _class_names(metadata)
    check_weights_file(path)
    stored = _torch_load(path, allow_pickle)
    classes = None
    while isinstance(stored, Mapping):
        classes = classes or _class_names(stored)
        inner = _inner(stored)
        if inner is None:
            break
        stored = inner
    if isinstance(stored, nn.Module):  # only where allow_pickle let it through
        stored = stored.state_dict()
    tensors = _tensors(stored) if isinstance(stored, Mapping) else {}
    if not tensors:
        raise InputError(
            f"{path} holds no state dict (names → tensors){_held(stored)}; save one with "
            f'torch.save(model.state_dict(), "{path.name}")'
        )
    return tensors, classes


def _inner(stored: Mapping[Any, Any]) -> Any:
    """Return what a mapping wraps: a state dict or a module, beside what else was saved; or None.

    Tensors that lie beside it (a best accuracy, an epoch) do not make the mapping a state dict.
    """

    def wrapped(value: Any) -> bool:
        if isinstance(value, nn.Module):
            return True
        if not isinstance(value, Mapping):
            return False
        return bool(_tensors(value)) or _inner(value) is not None

    known = [stored[key] for key in WRAPPERS if key in stored and wrapped(stored[key])]
    if known:
        return known[0]
    beside = sum(value.ndim > 0 for value in _tensors(stored).values())
    others = [
        value
        for value in stored.values()
        if isinstance(value, Mapping) and all(isinstance(k, str) for k in value) and wrapped(value)
    ]
    if len(others) != 1 or 0 < len(_tensors(others[0])) <= beside:
        return None
    return others[0]


def _tensors(stored: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Return the tensors of a mapping, those of NumPy too, by their names."""
    arrays = {k: torch.from_numpy(v) for k, v in stored.items() if _is_array(v)}
    tensors = {k: v for k, v in stored.items() if isinstance(v, Tensor)}
    return {k: v for k, v in {**tensors, **arrays}.items() if isinstance(k, str)}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"


def _held(stored: Any) -> str:
    if isinstance(stored, Mapping):
        return f", but {_few([str(k) for k in stored])}" if stored else ", but nothing"
    return f", but {type(stored).__name__}"


def load_weights(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Load a state dict strictly; raises InputError that names what is missing, extra or unlike."""
    wanted = module.state_dict()
    tensors = _with_tied(tensors, wanted)
    # batch counters are of no use in eval mode, and older files lack them
    missing = [k for k in wanted if k not in tensors and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in tensors if k not in wanted]
    unlike = [
        f"{k} {tuple(tensors[k].shape)} instead of {tuple(wanted[k].shape)}"
        for k in wanted
        if k in tensors and tensors[k].shape != wanted[k].shape
    ]
    whole = [
        f"{k}, {str(tensors[k].dtype).removeprefix('torch.')}"
        for k, value in wanted.items()
        if k in tensors and value.is_floating_point() and not tensors[k].is_floating_point()
    ]
    faults = (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", unlike),
        ("of no real numbers, as in a quantised model", whole),
    )
    said = [f"{len(keys)} {fault} ({_few(keys)})" for fault, keys in faults if keys]
    if said:
        raise InputError(f"{where}: {', '.join(said)}; check that it is the same architecture")
    for first, second in _tied(wanted):
        if not torch.equal(tensors[first], tensors[second]):
            raise InputError(
                f"{where}: {first} and {second} are one tensor in the model, and differ in the "
                "file; check that it is the same architecture"
            )
    module.load_state_dict(tensors)


def unprefixed(tensors: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors under the names `module` has for them.

    Wrappers' prefixes ("module.", "_orig_mod." …) are removed, in any nesting and on either side,
    where that makes more names match; tensors outside the prefix (a criterion, a counter) are then
    left out.
    """
    wanted = module.state_dict().keys()
    candidates = [tensors]
    for names in candidates:  # grows while it is read: one more prefix removed each time
        for prefix in PREFIXES:
            inner = {k.removeprefix(prefix): v for k, v in names.items() if k.startswith(prefix)}
            if inner:
                candidates.append(inner)
    own = {_plain(name): name for name in wanted}
    if len(own) == len(wanted):
        candidates += [{own.get(_plain(k), k): v for k, v in c.items()} for c in [*candidates]]
    return max(candidates, key=lambda names: len(wanted & names.keys()))


def _plain(name: str) -> str:
    """Return a name without the wrappers of any layer in it."""
    return ".".join(part for part in name.split(".") if part not in WITHIN)


def _with_tied(tensors: dict[str, Tensor], wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors with those that a file leaves out since they share another's memory."""
    found = {}
    for pair in _tied(wanted):
        for name, same in (pair, pair[::-1]):
            if name not in tensors and same in tensors:
                found[name] = tensors[same]
    return {**tensors, **found}


def _tied(wanted: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each two names of a state dict whose tensors are one memory."""
    names: dict[Any, list[str]] = {}
    for name, value in wanted.items():
        if isinstance(value, Tensor) and value.numel():
            names.setdefault((value.data_ptr(), value.shape, value.stride()), []).append(name)
    return [pair for same in names.values() for pair in itertools.combinations(same, 2)]


def _torch_load(path: Path, allow_pickle: bool | None) -> Any:
    try:
        # timm's own checkpoints hold an argparse.Namespace, which can run nothing; an open file,
        # since torch takes what is named .safetensors for that, whatever it holds
        with (
            torch.serialization.safe_globals([argparse.Namespace]),
            warnings.catch_warnings(action="ignore"),  # of pickles in general; said below
            open(path, "rb") as file,
        ):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no one error for a file that is none of its own
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a place outside the file
            said = f"cannot read the weights {path}: {error.strerror or error}"
            raise InputError(said) from error
        plain = "magic number" in str(error)  # a pickle that torch did not write
        if not plain and not isinstance(error, pickle.UnpicklingError):
            raise InputError(f"{path} is not a file of weights, or is damaged") from error
        if allow_pickle:
            return _unpickled(path)
        trust = ", or give `allow_pickle` if you trust the file"
        raise InputError(
            f"{path} is a pickle of more than tensors (a whole module, or other objects), which "
            f"can run code when read; save model.state_dict() instead"
            f"{'' if allow_pickle is None else trust}"
        ) from error


def _unpickled(path: Path) -> Any:
    """Return what a file of torch.save, or a plain pickle, holds, running what it asks for."""
    try:
        try:
            with open(path, "rb") as file:
                return torch.load(file, map_location="cpu", weights_only=False)
        except RuntimeError:  # not made by torch
            with open(path, "rb") as file:
                return pickle.load(file)
    except Exception as error:  # the code of whoever made it
        raise InputError(f"{path} could not be read as a pickle ({told(error)})") from error


def _class_names(entries: Mapping[Any, Any]) -> tuple[str, ...] | None:
    for key in NAME_KEYS:
        value = entries.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                continue
        if isinstance(value, Mapping):
            pairs = [(index, name) for index, name in value.items()]  # {0: "cat", "1": "dog"}
            if all(isinstance(v, int) for v in value.values()):  # {"cat": 0, "dog": 1}
                pairs = [(index, name) for name, index in value.items()]
            if named := _in_order(pairs):
                return named
            continue
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
            return tuple(value)
    return None


def _in_order(pairs: list[tuple[Any, Any]]) -> Names | None:
    """Return the names of (index, name) by their index, or None where one is missing or double.

    Which output is which is not known then.
    """
    try:
        by_index = {int(str(index)): str(name) for index, name in pairs}
    except ValueError:
        return None
    if sorted(by_index) != [*range(len(pairs))]:
        return None
    return tuple(by_index[i] for i in range(len(pairs))) or None


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
