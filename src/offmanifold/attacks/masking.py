"""Signs that a classifier hides its gradients, so that attacks by gradient say too much."""

from dataclasses import dataclass

from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import in_float32, region
from offmanifold._core.randomness import Randomness, at_rows
from offmanifold.attacks.apgd import APGD
from offmanifold.attacks.balls import ball_of
from offmanifold.attacks.base import misclassified, to_attack
from offmanifold.attacks.ensemble import Survival, outputs, survivors

TOLERATED = 0.01  # share of the images
STEPS = 50  # half of those of the ensemble


@dataclass(frozen=True)
class Signs:
    """(n,) bool each: images that speak for masked gradients (Athalye et al. 2018).

    black_box: broken by Square after every attack by gradient had left them right. own_norm: still
    right at an ε of the image's own norm, where the black image lies in the ball. more_steps:
    broken by 100 steps of APGD, not by 50.
    """

    black_box: Tensor
    own_norm: Tensor
    more_steps: Tensor


@in_float32()
def masking_signs(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    norm: str = "l2",
    *,
    survival: Survival,
    generator: Randomness,
    precision: str = "fp32",
) -> Signs:
    """Return the signs of masking beside what `robust_accuracy` found of the same images.

    Cost: at most 150 more forward and backward passes an image.
    """
    ball = ball_of(norm)
    x = to_attack(x)
    names = list(survival.left)
    before, after = survival.left[names[-2]], survival.left[names[-1]]
    with frozen(model):
        few = survivors(model, APGD(eps, norm, STEPS), x, y, survival.clean, generator, precision)
        far = survival.clean.clone()
        rows = far.nonzero()[:, 0]
        loss = "dlr" if outputs(model, x) > 2 else "margin"
        if len(rows):
            attack = APGD(eps, norm, loss=loss)
            with region(x.device, precision):
                own, noise = ball.norms(x[rows]), at_rows(generator, rows)
                moved = attack.within(model, x[rows], y[rows], own, generator=noise)
            far[rows] = ~misclassified(model, moved, y[rows])
    return Signs(before & ~after, far, few & ~survival.left["apgd_cross_entropy"])


def masked(shares: dict[str, float]) -> list[str]:
    """Return the names of the signs whose share of the images is more than tolerated."""
    return [name for name, share in shares.items() if share > TOLERATED]
