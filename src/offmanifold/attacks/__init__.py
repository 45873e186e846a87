"""Attacks: one a file, per image, inside the ball and the box."""

from offmanifold.attacks.apgd import APGD
from offmanifold.attacks.balls import ball_of, l2_norms, project_l2
from offmanifold.attacks.base import Attack, attacks, misclassified
from offmanifold.attacks.ensemble import Survival, ensemble, robust_accuracy
from offmanifold.attacks.masking import Signs, masked, masking_signs
from offmanifold.attacks.pgd import PGD
from offmanifold.attacks.square import Square

__all__ = [
    "APGD",
    "PGD",
    "Attack",
    "Signs",
    "Square",
    "Survival",
    "attacks",
    "ball_of",
    "ensemble",
    "l2_norms",
    "masked",
    "masking_signs",
    "misclassified",
    "project_l2",
    "robust_accuracy",
]
