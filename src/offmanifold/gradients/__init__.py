"""Input gradients of named scalars, and variants of them that explanations are made of."""

from offmanifold.gradients.input_gradient import input_gradient

__all__ = ["input_gradient"]
