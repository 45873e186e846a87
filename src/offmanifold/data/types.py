"""Images as every other room sees them: `Batch`, `Split`, `Data`."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.randomness import seed_of


@dataclass(frozen=True)
class Batch:
    """Some images of one split.

    x: (n, c, h, w) float32 in [0, 1]. y: (n,) int64 labels, or None. mask: (n, 1, h, w) float32,
    1 where the true signal is, or None. index: (n,) int64, the images' positions in their source.
    """

    x: Float[Tensor, "n c h w"]
    y: Int64[Tensor, " n"] | None
    mask: Float[Tensor, "n 1 h w"] | None
    index: Int64[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.x)


class Source(Protocol):
    """Where images lie: one implementation a kind of storage.

    Everything but pixels is known up front; pixels are read on demand.
    """

    shape: tuple[int, int, int]
    labels: np.ndarray | None  # (n,) int64

    @property
    def names(self) -> Sequence[str]:
        """The images' names or paths (n,), in order of index."""
        ...

    @property
    def hashes(self) -> Sequence[str]:
        """Hex content hashes (n,)."""
        ...

    def __len__(self) -> int: ...

    def read(self, index: np.ndarray) -> Float[Tensor, "n c h w"]:
        """Return images (n, c, h, w), float32 in [0, 1]."""
        ...

    def masks(self, index: np.ndarray) -> Float[Tensor, "n 1 h w"] | None:
        """Return true signal masks (n, 1, h, w), or None where the data has none."""
        ...


@dataclass(frozen=True)
class Split:
    """A part of a source: the rows that are for training, choosing or judging."""

    source: Source
    rows: np.ndarray  # (n,) int64 indices into the source
    classes: tuple[str, ...] | None = None

    def __post_init__(self):
        self.rows.setflags(write=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (c, h, w) of every image."""
        return self.source.shape

    @property
    def labels(self) -> np.ndarray | None:
        """Labels (n,) int64 in order of `rows`, or None."""
        return None if self.source.labels is None else self.source.labels[self.rows]

    @property
    def paths(self) -> list[str]:
        """Names or paths of the images in order of `rows`."""
        return [self.source.names[int(i)] for i in self.rows]

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the sorted names, labels and content hashes of the images."""
        labels = self.labels
        lines = sorted(
            f"{self.source.names[i]} {self.source.hashes[i]} {'' if labels is None else labels[j]}"
            for j, i in enumerate(self.rows)
        )
        text = "\n".join([str(self.shape), str(self.classes), *lines])
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def read(self, index: np.ndarray) -> Batch:
        """Return the images at these source indices (a subset of `rows`), whatever autocast."""
        index = np.asarray(index, dtype=np.int64)
        labels = self.source.labels
        with in_float32("cpu"):  # a source may compute its pixels, inside a loop's region
            x, mask = self.source.read(index), self.source.masks(index)
        return Batch(
            x=x,
            y=None if labels is None else torch.from_numpy(labels[index]),
            mask=mask,
            index=torch.from_numpy(index.copy()),
        )

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """Yield every image once, in batches of at most `size`; shuffled by a generator, if any."""
        rows = self.rows
        if generator is not None:
            rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
        for start in range(0, len(rows), size):
            yield self.read(rows[start : start + size])

    @property
    def comfortable_batch(self) -> int:
        """How many images fit a batch whatever the network: fewer the larger they are."""
        return max(1, min(500, 400_000 // math.prod(self.shape)))

    def subset(self, n: int, seed: int = 0) -> "Split":
        """Return at most n images drawn by seed, as class-balanced as the labels allow."""
        if n >= len(self):
            return self
        generator = np.random.default_rng(seed_of("subset", seed))
        if self.labels is None:
            chosen = generator.choice(len(self), n, replace=False)
        else:
            turn = np.empty(len(self), dtype=np.int64)  # how many of its class came before it
            order = generator.permutation(len(self))
            labels = self.labels[order]
            for label in np.unique(labels):
                members = order[labels == label]
                turn[members] = np.arange(len(members))
            chosen = order[np.argsort(turn[order], kind="stable")][:n]
        return Split(self.source, np.sort(self.rows[chosen]), self.classes)

    @cached_property
    def class_means(self) -> Float[Tensor, "k c h w"]:
        """Mean image of each class, (k, c, h, w); of a class without images, the mean of all.

        Raises InputError where the images have no labels.
        """
        if self.labels is None or self.classes is None:
            raise InputError("class means need labels, and these images have none")
        sums, counts = self._sums
        filled = torch.where(
            counts[:, None, None, None] > 0,
            sums / counts.clamp(min=1)[:, None, None, None],
            sums.sum(0) / counts.sum(),
        )
        return filled.float()

    @cached_property
    def mean(self) -> Float[Tensor, "c h w"]:
        """Mean image (c, h, w), whether the images have labels or not."""
        sums, counts = self._sums
        return (sums.sum(0) / counts.sum()).float()

    @cached_property
    def _sums(self) -> tuple[Tensor, Tensor]:
        """Sums of the images (k, c, h, w) and their counts (k,) by class, k = 1 without; float64.

        One pass over the images serves both means.
        """
        k = 1 if self.labels is None or self.classes is None else len(self.classes)
        sums = torch.zeros(k, *self.shape, dtype=torch.float64)
        counts = torch.zeros(k, dtype=torch.float64)
        for batch in self.batches(self.comfortable_batch):
            y = torch.zeros_like(batch.index) if k == 1 or batch.y is None else batch.y
            sums.index_add_(0, y, batch.x.to(sums.dtype))
            counts.index_add_(0, y, torch.ones(len(batch), dtype=torch.float64))
        return sums, counts


@dataclass(frozen=True)
class Data:
    """Images divided for training, for choosing and for judging.

    Whatever is chosen (σ, early stop, strength, temperature) is chosen on `val`; `test` is read by
    audits alone. A flat folder, without labels, has `classes` None and `val`, `test` like others.
    """

    train: Split
    val: Split
    test: Split
    info: dict[str, Any] = field(default_factory=dict)  # spec, name, seed, skipped, notes …

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (c, h, w) of every image."""
        return self.train.shape

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names in order of the labels, or None where images have no labels."""
        return self.train.classes

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over all three splits."""
        parts = "/".join(split.fingerprint for split in (self.train, self.val, self.test))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]
