"""What attacks ascend: losses of logits (n, k) and labels y (n,), one value an image.

An image is misclassified where its margin is above 0.
"""

from collections.abc import Callable

from torch import Tensor

from offmanifold._core.errors import InputError, unknown_name
from offmanifold.models import scalars
from offmanifold.models.scalars import log_odds, of_class

LogitLoss = Callable[[Tensor, Tensor], Tensor]
Goal = Callable[[Tensor], Tensor]  # a loss of logits (n, k) alone, (n,)


def log_odds_against(logits: Tensor, y: Tensor) -> Tensor:
    """Return −u, (n,), u the label's log-odds: it rises and falls with −log p_y = log(1 + e^−u).

    The cross-entropy itself has no direction left in float32 where u passes 17.
    """
    return -log_odds(logits, y)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Return max over c ≠ y of z_c − z_y, (n,)."""
    return -scalars.margin(logits, y)


def dlr(logits: Tensor, y: Tensor) -> Tensor:
    """Return the margin over the gap of the largest to the third logit, (n,).

    It has the size of the logits taken out: Croce & Hein 2020, eq. 6; k ≥ 3.
    """
    if logits.shape[1] < 3:
        raise InputError("the loss dlr needs at least 3 classes; use margin for two")
    top = logits.topk(3, dim=1).values
    return margin(logits, y) / _size(top[:, 0] - top[:, 2])


def targeted(logits: Tensor, y: Tensor, target: Tensor) -> Tensor:
    """Return how far class `target` (n,) is above the label, (n,).

    With k ≥ 4 classes over the size of the logits, as in Croce & Hein 2020, eq. 7.
    """
    gap = of_class(logits, target) - of_class(logits, y)
    if logits.shape[1] < 4:
        return gap
    top = logits.topk(4, dim=1).values
    return gap / _size(top[:, 0] - (top[:, 2] + top[:, 3]) / 2)


def _size(apart: Tensor) -> Tensor:
    """Return what a loss is divided by: above 0, and 1 where it would reach to a logit of −∞."""
    return apart.masked_fill(apart.isinf(), 1.0).clamp(min=1e-12)


LOSSES: dict[str, LogitLoss] = {"cross_entropy": log_odds_against, "margin": margin, "dlr": dlr}


def loss_of(name: str) -> LogitLoss:
    """Return the loss of a name. Raises InputError for an unknown one."""
    if name not in LOSSES:
        raise unknown_name("attack loss", name, LOSSES)
    return LOSSES[name]


def check_labels(logits: Tensor, y: Tensor) -> None:
    """Raise InputError unless there are two classes or more and every label is one of them."""
    k = logits.shape[1]
    if k < 2:
        raise InputError("an attack needs a classifier of at least 2 classes, and this has 1")
    if len(y) and not (int(y.min()) >= 0 and int(y.max()) < k):
        raise InputError(
            f"labels from {int(y.min())} to {int(y.max())} do not fit a classifier of {k} classes "
            f"(0 to {k - 1})"
        )
