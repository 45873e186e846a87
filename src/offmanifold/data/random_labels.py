"""Labels that say nothing: those of any data, permuted within training, validation and test."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import seed_of
from offmanifold.data.types import Data, Split

PREFIX = "random-labels"


class RandomLabels:
    """A `Source` with the images of another and labels (n,) of their own."""

    def __init__(self, inner: Any, labels: np.ndarray):
        self.inner, self.shape = inner, inner.shape
        self.names, self.hashes = inner.names, inner.hashes
        labels.setflags(write=False)
        self.labels: np.ndarray | None = labels

    def __len__(self) -> int:
        return len(self.inner)

    def read(self, index: np.ndarray) -> Tensor:
        """Return images as the source does."""
        return self.inner.read(index)

    def masks(self, index: np.ndarray) -> Tensor | None:
        """Return masks as the source does."""
        return self.inner.masks(index)


def randomise_labels(data: Data, seed: int) -> Data:
    """Return the same division of the same images with labels permuted within each part.

    A network trained on it fits noise: what its gradients share with those of a real one is no
    explanation (Adebayo et al. 2018). Raises InputError where images have no labels.
    """
    source = data.train.source
    if source.labels is None:
        raise InputError(f"{PREFIX}: needs labelled images, and these have no labels")
    random = np.random.default_rng(seed_of(PREFIX, seed))
    labels = source.labels.copy()
    parts = (data.train, data.val, data.test)
    for part in parts:
        labels[part.rows] = random.permutation(labels[part.rows])
    permuted = RandomLabels(source, labels)
    train, val, test = (Split(permuted, part.rows, part.classes) for part in parts)
    info = {
        **data.info,
        "spec": f"{PREFIX}:{data.info['spec']}",
        "name": f"{PREFIX}-{data.info['name']}",
        "notes": [*data.info["notes"], "labels permuted within each part"],
    }
    return replace(data, train=train, val=val, test=test, info=info)
