"""Shapes of tensors as signatures name them: equal letters are equal sizes within one call."""

from jaxtyping import Float, Int, Shaped
from torch import Tensor

Images = Float[Tensor, "n c h w"]  # in [0, 1] unless told otherwise
Directions = Float[Tensor, "n c h w"]  # gradients and steps in the space of images
SmallImages = Float[Tensor, "n c a b"]
LargeImages = Float[Tensor, "n c H W"]
Holes = Shaped[Tensor, "#n 1 h w"]  # true, or above ½, where pixels are missing
Classes = Int[Tensor, "n"]
Labels = Shaped[Tensor, "n"]  # equal where images are of one class
Index = Int[Tensor, "n"]  # names of images, by which their noise is drawn
Numbers = Float[Tensor, "n"]  # one an image
Points = Float[Tensor, "n d"]
OtherPoints = Float[Tensor, "m d"]
