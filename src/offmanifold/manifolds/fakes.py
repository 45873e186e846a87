"""Manifolds that know nothing of any image: controls for whatever is credited to the manifold."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from offmanifold.data.types import Split
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.frames import Frame, FrameManifold

IMAGES = 2048  # training images of which the principal components are taken


class FakeManifold(FrameManifold):
    """One subspace for all images. rows: (k, d) orthonormal."""

    rows: Tensor

    def __init__(self, card: ManifoldCard, rows: Tensor):
        super().__init__()
        k = float(len(rows))
        self.card = replace(
            card, classes=None, dimension=k, dimension_interval=(k, k), rank=k, gates=[]
        )  # no classes: it has no score
        self.register_buffer("rows", rows)

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        rows = self.rows.to(x).expand(len(x), -1, -1)
        return Frame(rows, torch.full_like(rows[:, :, 0], torch.inf), x.flatten(1))


def low_pass(card: ManifoldCard, k: int) -> FakeManifold:
    """Return the k lowest frequencies of the cosine transform (type II) over rows, columns, and
    channels taken alike."""
    c, h, w = card.shape
    pairs = sorted(
        ((i / h) ** 2 + (j / w) ** 2, i, j, channel)
        for i in range(h)
        for j in range(w)
        for channel in range(c)
    )
    rows = torch.zeros(min(k, c * h * w), c, h, w)
    down, across = _cosines(h), _cosines(w)
    for row, (_, i, j, channel) in zip(rows, pairs, strict=False):
        row[channel] = down[i][:, None] * across[j][None]
    return FakeManifold(replace(card, spec="low-pass", hash="low-pass"), rows.flatten(1))


def global_pca(card: ManifoldCard, train: Split, k: int) -> FakeManifold:
    """Return the k first principal components of training images, at most as many as they span."""
    part = train.subset(IMAGES)
    x = part.read(part.rows).x.flatten(1).double()
    x = x - x.mean(0)
    k = min(k, len(x) - 1, x.shape[1])
    if x.shape[1] <= len(x):
        rows = torch.linalg.eigh(x.T @ x).eigenvectors.flip(1)[:, :k].T
    else:  # the smaller matrix of products between images
        values, among = torch.linalg.eigh(x @ x.T)
        good = values.flip(0)[:k] > 1e-10 * values[-1]
        rows = torch.linalg.qr(x.T @ among.flip(1)[:, :k][:, good]).Q.T
    card = replace(card, spec="global-pca", hash="global-pca")
    return FakeManifold(card, rows.float().contiguous())


def _cosines(n: int) -> Tensor:
    """Return the orthonormal cosine transform (n, n), a frequency a row."""
    place, frequency = torch.arange(n) + 0.5, torch.arange(n)[:, None]
    rows = torch.cos(math.pi / n * frequency * place) * math.sqrt(2 / n)
    rows[0] /= math.sqrt(2)
    return rows
