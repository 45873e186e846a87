"""Training objectives: one a file; a new one is a file here and a line below."""

from offmanifold.objectives.aligned import Aligned
from offmanifold.objectives.base import Loss, Objective, Plain, Resources, objectives
from offmanifold.objectives.erm import ERM
from offmanifold.objectives.gradient_norm import GradientNorm
from offmanifold.objectives.noise import Noise
from offmanifold.objectives.pgd import PGD
from offmanifold.objectives.smoothness import Smoothness
from offmanifold.objectives.trades import TRADES

__all__ = [
    "ERM",
    "PGD",
    "TRADES",
    "Aligned",
    "GradientNorm",
    "Loss",
    "Noise",
    "Objective",
    "Plain",
    "Resources",
    "Smoothness",
    "objectives",
]
