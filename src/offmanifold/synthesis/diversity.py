"""How unlike each other the images of a class are."""

import torch
from torch import Tensor

from offmanifold.data.types import Split
from offmanifold.synthesis.scores import spread
from offmanifold.synthesis.shapes import Images, Labels

MOST = 50  # images a class, made ones and training images alike


def first_of_each(y: Tensor) -> Tensor:
    """Return the places in y (n,) of the first `MOST` of each class, in order.

    >>> first_of_each(torch.tensor([1, 0, 1])).tolist()
    [0, 1, 2]
    """
    places = [(y == c).nonzero().flatten()[:MOST] for c in y.unique()]
    return torch.cat([y.new_zeros(0, dtype=torch.long), *places]).sort().values


def within_class(images: Images, y: Labels) -> float | None:
    """Return the l2 distance of two images of one class, averaged over pairs, then over classes.

    images: (n, c, h, w); y: (n,). Of each class the first `MOST` count, since pairs grow by the
    square. None where no class has two.

    >>> x = torch.tensor([0.0, 1.0, 3.0, 9.0]).reshape(4, 1, 1, 1)
    >>> within_class(x, torch.tensor([0, 0, 0, 1]))
    2.0
    """
    few = first_of_each(y)
    y = y[few]
    distances = spread(images[few].double(), y)
    means = [float(distances[y == c].mean()) for c in y.unique() if int((y == c).sum()) > 1]
    return sum(means) / len(means) if means else None


def of_training(train: Split, y: Tensor) -> float | None:
    """Return the same of training images of the classes of which y, (n,), holds two or more.

    These are the classes that `within_class` counts of images of classes y. At most `MOST` images
    of each are read, a class at a time.
    """
    assert train.labels is not None
    labels = torch.from_numpy(train.labels)
    means = []
    for c in (c for c in y.unique() if int((y == c).sum()) > 1):
        chosen = (labels == c).nonzero().flatten()[:MOST]
        images = train.read(train.rows[chosen.numpy()]).x
        if (mean := within_class(images, labels[chosen])) is not None:
            means.append(mean)
    return sum(means) / len(means) if means else None
