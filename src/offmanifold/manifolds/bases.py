"""Tangent spaces kept beside the manifold that they are of: many audits ask for the same ones."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import read_tensors, write_tensors

FOLDER = "bases"
LARGEST = 2**24  # numbers of a batch that are kept: 64 MiB


def remembered_basis(manifold: Any, x: Tensor, index: Tensor, folder: Path | None) -> Tensor:
    """Return `manifold.basis(x)`, from the folder if an audit of these very images left it there.

    folder: of the fitted manifold; None to compute. A batch too large to keep is computed anew, and
    so is one that cannot be read; a disk that takes no more only costs the time.
    """
    path = None if folder is None else folder / FOLDER / f"{_key(manifold, x, index)}.safetensors"
    if path is not None and path.is_file():
        try:
            return read_tensors(path)[0]["basis"].to(x)
        except (InputError, KeyError):
            pass
    basis = manifold.basis(x, index=index)
    if path is not None and basis.numel() <= LARGEST:
        with contextlib.suppress(InputError, RunError):
            write_tensors(path, {"basis": basis})
    return basis


def _key(manifold: Any, x: Tensor, index: Tensor) -> str:
    """Return 24 hex digits over all that a basis depends on."""
    card = manifold.card
    asked = (card.hash, card.sigma, card.dimension, manifold.draws, manifold.seed, tuple(x.shape))
    digest = hashlib.sha256(repr(asked).encode())
    for part in (x.detach().float(), index):
        flat = part.cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:24]
