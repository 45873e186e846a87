"""Attacks: one a file, per image, inside the ball and the box."""

from offmanifold.attacks.base import Attack, attacks, l2_norms, project_l2
from offmanifold.attacks.pgd import PGD

__all__ = ["PGD", "Attack", "attacks", "l2_norms", "project_l2"]
