"""Batches of an audit that is under way, on disk as soon as each is finished."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import inside, read_tensors, write_tensors
from offmanifold.audits.identity import check_same

BATCHES = "batches"  # the folder of those that are finished, until the audit is


@dataclass(frozen=True)
class Seen:
    """What was found of a batch of n images.

    columns: {name: (n,) or (n, …)}. panels: {name: (m, …)} of the first m that are drawn.
    """

    columns: dict[str, np.ndarray]
    panels: dict[str, Tensor]
    seconds: float

    def __len__(self) -> int:
        return len(self.columns["index"])


def keep_batch(folder: Path, parts: Mapping[str, Any], first: int, seen: Seen) -> None:
    """Write a batch, of which the first image is the one so numbered; parts: of its audit."""
    columns = {f"column {k}": torch.from_numpy(v) for k, v in seen.columns.items()}
    panels = {f"panel {k}": v for k, v in seen.panels.items()}
    said = {"parts": json.dumps(parts), "seconds": str(seen.seconds)}
    write_tensors(_path(folder, first), {**columns, **panels}, said)


def kept_batches(folder: Path, parts: Mapping[str, Any]) -> list[Seen]:
    """Return the batches that an interrupted audit left, from its first image on.

    Those after one that is missing or broken are made anew. Raises InputError where they are of
    another audit.
    """
    found: list[Seen] = []
    while (path := _path(folder, sum(map(len, found)))).is_file():
        try:
            tensors, said = read_tensors(path)
            saved, seconds = json.loads(said["parts"]), float(said["seconds"])
        except (InputError, KeyError, ValueError):
            break
        check_same(folder, saved, parts)
        columns = {k: v.numpy() for k, v in _named("column ", tensors).items()}
        if not len(columns.get("index", ())):
            break
        found.append(Seen(columns, _named("panel ", tensors), seconds))
    return found


def forget_batches(folder: Path) -> None:
    """Remove what was kept: the audit is whole."""
    shutil.rmtree(folder / BATCHES, ignore_errors=True)


def _named(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(kind): v for k, v in tensors.items() if k.startswith(kind)}


def _path(folder: Path, first: int) -> Path:
    return inside(folder, BATCHES, f"{first:08d}.safetensors", source=folder)
