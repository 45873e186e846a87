"""Training: one loop, one recipe, any objective."""

from offmanifold.training.recipe import Recipe
from offmanifold.training.train import Trained

__all__ = ["Recipe", "Trained"]
