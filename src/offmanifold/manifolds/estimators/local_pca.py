"""The tangent space spanned by the nearest training images."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold._core.progress import bar
from offmanifold.data.types import Data, Split
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.fit import Place, estimators
from offmanifold.manifolds.frames import Frame, FrameManifold
from offmanifold.manifolds.gates import PREFERRED, complete

NEIGHBOURS = (16, 32, 64, 128, 256)  # tried
JUDGED = 64  # held-out images that choose the number and measure the gates
SMALLEST = 1e-10  # variance kept, over the largest


class LocalPCAManifold(FrameManifold):
    """Mean and covariance of the nearest training images, in all of their principal directions."""

    bank: Tensor  # (m, d)
    neighbours: Tensor

    def __init__(self, card: ManifoldCard, bank: Tensor, neighbours: int):
        super().__init__()
        self.card = card
        self.register_buffer("bank", bank)
        self.register_buffer("neighbours", torch.tensor(neighbours))

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        bank, count = self.bank.to(x), int(self.neighbours)
        nearest = torch.cdist(x.flatten(1), bank).topk(count, largest=False).indices
        around = bank[nearest]  # (n, neighbours, d)
        origin = around.mean(1)
        away = (around - origin[:, None]).double()
        squares, vectors = torch.linalg.eigh(away @ away.transpose(1, 2))  # rising
        squares, vectors = squares.flip(1)[:, : count - 1], vectors.flip(2)[:, :, : count - 1]
        squares = squares.where(squares > SMALLEST * squares[:, :1], 0)
        rows = vectors.transpose(1, 2) @ away / squares.clamp(min=1e-30).sqrt()[:, :, None]
        rows = rows.where(squares[:, :, None] > 0, 0)
        return Frame(rows.to(x), (squares / (count - 1)).to(x), origin)


@estimators.register("local_pca")
@dataclass(frozen=True)
class LocalPCA:
    """Principal directions of the nearest training images (Fukunaga & Olsen 1971).

    The number of neighbours is that of the least held-out denoising error. Tangent spaces alone, no
    score. Memory: the images kept, 2 bytes a pixel. Cost: a distance to each of them and an
    eigendecomposition of (neighbours × neighbours) an image. In many dimensions the nearest images
    are far, and on curved manifolds their span is wider than the tangent space.

    Attributes:
        images: training images kept at most.
        neighbours: nearest images an image; by default chosen on validation images.
    """

    name: ClassVar[str]
    images: int = 10_000
    neighbours: int | None = None

    def __post_init__(self):
        if self.images < 3 or (self.neighbours is not None and self.neighbours < 3):
            raise InputError("local-pca needs at least 3 images and 3 neighbours")

    def resolved(self, train: Split) -> "LocalPCA":
        """Return the same, with no more neighbours than images."""
        images = min(self.images, len(train))
        if images < 3:
            raise InputError(f"local-pca needs at least 3 training images, not {images}")
        if self.neighbours is not None and self.neighbours > images:
            raise InputError(f"local-pca wants {self.neighbours} neighbours of {images} images")
        return replace(self, images=images)

    def fit(self, data: Data, card: ManifoldCard, engine: Engine, place: Place) -> LocalPCAManifold:
        """Keep images of data.train, choose the neighbours on data.val; see `fit_manifold`."""
        train = data.train.subset(self.images, place.seed)
        bank = train.read(train.rows).x.flatten(1).half()
        if float(bank.float().std(0).max()) < 1e-4:
            raise InputError("a manifold cannot be fitted: all training images are the same")
        bank, card = bank.to(engine.device), replace(card, classes=None)
        tried = [k for k in NEIGHBOURS if k < len(train)] or [len(train)]
        tried = tried if self.neighbours is None else [self.neighbours]
        held_out = data.val.subset(JUDGED, place.seed)
        batch = held_out.read(held_out.rows)
        x = batch.x.to(engine.device)
        errors = {}
        with bar("choosing neighbours", len(tried), show=place.show) as progress:
            for k in tried:
                manifold = LocalPCAManifold(card, bank, k)
                noisy = next(manifold.noisy(x, PREFERRED, batch.index))
                denoised = manifold.denoise(noisy, None, PREFERRED)
                errors[k] = float((denoised - x).square().flatten(1).sum(1).mean())
                place.log.append({"neighbours": k, "error": errors[k]})
                progress.advance(**place.log[-1])
        manifold = LocalPCAManifold(card, bank, min(errors, key=lambda k: errors[k]))
        complete(manifold, data, images=JUDGED, seed=place.seed)
        return manifold

    def rebuild(self, card: ManifoldCard, tensors: dict[str, Tensor]) -> LocalPCAManifold:
        """Return a saved manifold."""
        return LocalPCAManifold(card, tensors["bank"], int(tensors["neighbours"]))
