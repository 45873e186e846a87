"""How unlike each other the images of a class are."""

import torch
from torch import Tensor

from offmanifold.data.types import Split
from offmanifold.synthesis.scores import spread

MOST = 50  # training images a class


def within_class(images: Tensor, y: Tensor) -> float | None:
    """Return the l2 distance of two images of one class, averaged over pairs, then over classes.

    images: (n, c, h, w); y: (n,). None where no class has two.

    >>> x = torch.tensor([0.0, 1.0, 3.0, 9.0]).reshape(4, 1, 1, 1)
    >>> within_class(x, torch.tensor([0, 0, 0, 1]))
    2.0
    """
    distances = spread(images.double(), y)
    means = [float(distances[y == c].mean()) for c in y.unique() if int((y == c).sum()) > 1]
    return sum(means) / len(means) if means else None


def of_training(train: Split, classes: Tensor) -> float | None:
    """Return the same of training images of some classes, at most `MOST` of each."""
    assert train.labels is not None
    labels = torch.from_numpy(train.labels)
    found = [(labels == c).nonzero().flatten()[:MOST] for c in classes.unique()]
    if not sum(len(rows) for rows in found):
        return None
    chosen = torch.cat(found)
    batch = train.read(train.rows[chosen.numpy()])
    assert batch.y is not None
    return within_class(batch.x, batch.y)
