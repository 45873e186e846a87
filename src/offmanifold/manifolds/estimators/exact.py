"""The manifold of data of which it is known: `exact`, for data whose source can say it."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.runs import identity
from offmanifold.data.types import Data
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.frames import Frame, FrameManifold
from offmanifold.manifolds.gates import PREFERRED, complete
from offmanifold.manifolds.tweedie import TweedieManifold

JUDGED = 128  # held-out images that measure the gates


def exact_manifold(data: Data) -> Any:
    """Return what the source of the data knows: its denoiser, or else its tangent spaces.

    Raises InputError where it knows neither, as of all photographs.
    """
    source: Any = data.test.source
    if not hasattr(source, "tangents"):
        raise InputError(
            f"the exact manifold of {data.info.get('spec')} is not known; it is of glyphs, "
            "subspace:K, sphere:K and mixture:K"
        )
    digest = identity({"kind": "manifold", "estimator": "exact", "data": data.train.fingerprint})
    card = ManifoldCard("exact", digest, data.shape, data=data.train.fingerprint)
    return ExactDenoiser(card, data) if hasattr(source, "denoise") else ExactTangent(card, data)


class ExactDenoiser(TweedieManifold):
    """Tangent and Score by the closed-form E[x | x̃, y]; its gates are measured like any other's."""

    def __init__(self, card: ManifoldCard, data: Data):
        super().__init__()
        self.source: Any = data.test.source
        self.card = replace(card, classes=data.classes if self.source.conditional else None)
        complete(self, data, images=JUDGED)

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        return self.source.denoise(noisy, y, sigma)


class ExactTangent(FrameManifold):
    """Tangent spaces from the source, by image index: a hard projector, whatever σ."""

    def __init__(self, card: ManifoldCard, data: Data):
        super().__init__()
        self.source: Any = data.test.source
        k = float(len(_rows(self.source, data.test.rows[:1])[0]))
        self.card = replace(card, sigma=PREFERRED, dimension=k, dimension_interval=(k, k), rank=k)

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        if index is None:
            raise InputError("exact tangent spaces are known by image index; give it")
        rows = _rows(self.source, index.cpu().numpy()).to(x)
        return Frame(rows, torch.full_like(rows[:, :, 0], torch.inf), x.flatten(1))


def _rows(source: Any, index: np.ndarray) -> Tensor:
    """Return orthonormal rows (n, k, d) of the span of all parts of the tangent space."""
    parts = source.tangents(index)
    columns = torch.cat(list(parts), 1) if isinstance(parts, tuple) else parts
    return torch.linalg.qr(columns.transpose(1, 2))[0].transpose(1, 2)
