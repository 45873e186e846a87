"""The accuracy that several attacks together leave, without a parameter to choose."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import check_precision, in_float32, region
from offmanifold._core.randomness import Randomness, at_rows
from offmanifold.attacks.apgd import APGD
from offmanifold.attacks.balls import ball_of, check_eps
from offmanifold.attacks.base import Attack, misclassified, to_attack
from offmanifold.attacks.square import Square

TARGETS = 9  # classes aimed at, as in AutoAttack


@dataclass(frozen=True)
class Survival:
    """Which images are right after each attack; each was made on those the ones before left.

    clean: (n,) bool, right as they are. left: {attack: (n,) bool} in the order of the attacks.
    """

    clean: Tensor
    left: dict[str, Tensor]

    @property
    def robust(self) -> Tensor:
        """Right whatever was tried, (n,) bool."""
        return list(self.left.values())[-1]

    @property
    def accuracy(self) -> float:
        """Share of the images that are robust; an upper bound of what no attack could break."""
        return float(self.robust.float().mean())


def ensemble(eps: float, norm: str, classes: int, queries: int = 5000) -> dict[str, Attack]:
    """Return the attacks in the order they are made, by name.

    In the manner of AutoAttack (Croce & Hein 2020): APGD on the cross-entropy; APGD towards each
    of the nine classes next to the label, by the targeted form of dlr (for three classes of the
    margin; with two, APGD on the margin); Square. FAB is not among them.
    """
    found: dict[str, Attack] = {"apgd_cross_entropy": APGD(eps, norm)}
    if classes > 2:
        found["apgd_targeted"] = APGD(eps, norm, targets=TARGETS)
    else:
        found["apgd_margin"] = APGD(eps, norm, loss="margin")
    return {**found, "square": Square(eps, norm, queries=queries)}


@in_float32()
def robust_accuracy(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    norm: str = "l2",
    *,
    generator: Randomness,
    queries: int = 5000,
    precision: str = "fp32",
) -> Survival:
    """Return which images no attack of `ensemble` breaks: the worst case of each image.

    x: (n, c, h, w) in [0, 1]; y: (n,); eps: radius in the norm of each image, inside [0, 1]; all
    at once, so give as many as fit. precision: fp32, or bf16 for the steps of the attacks; what
    counts as broken is judged in float32. Raises InputError for eps ≤ 0, an unknown norm or
    precision, labels out of range, images outside [0, 1] or a single class.

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    >>> x, y = torch.rand(8, 1, 8, 8), torch.arange(8) % 3
    >>> found = robust_accuracy(model, x, y, 0.5, generator=torch.Generator(), queries=10)
    >>> bool((found.robust <= found.clean).all())
    True
    """
    ball_of(norm)
    check_precision(precision)
    check_eps(eps, "robust_accuracy")
    x = to_attack(x)
    with frozen(model):
        clean = ~misclassified(model, x, y)
        left, result = clean, {}
        for name, attack in ensemble(eps, norm, outputs(model, x), queries).items():
            result[name] = left = survivors(model, attack, x, y, left, generator, precision)
    return Survival(clean, result)


def survivors(
    model: nn.Module,
    attack: Attack,
    x: Tensor,
    y: Tensor,
    left: Tensor,
    generator: Randomness,
    precision: str = "fp32",
) -> Tensor:
    """Return which of the images left, (n,) bool, an attack leaves right, judged in float32."""
    rows = left.nonzero()[:, 0]
    result = left.clone()
    if len(rows):
        with region(x.device, precision):
            moved = attack(model, x[rows], y[rows], generator=at_rows(generator, rows))
        result[rows] = ~misclassified(model, moved, y[rows])
    return result


def outputs(model: nn.Module, x: Tensor) -> int:
    """Return the number of classes of a classifier."""
    with torch.no_grad():
        return model(x[:1]).shape[1]
