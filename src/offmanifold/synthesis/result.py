"""What a use of aligned gradients returns: one image and three numbers an image."""

from dataclasses import dataclass

from torch import Tensor

from offmanifold.attacks.balls import l2_norms
from offmanifold.synthesis.shapes import Images, Numbers


@dataclass(frozen=True)
class Synthesis:
    """Images made with a classifier, and where they came from.

    images: (n, c, h, w) float32 in [0, 1]. start: the same shape, what the classifier's part began
    with (a seed, a filled or enlarged image, or what the denoiser makes alone). y: (n,) the class
    asked for. objective: (n,) its value at `images`, in float32. norms: (n,) ‖images − start‖₂,
    pixels in [0, 1]. steps: (n,) steps taken.
    """

    images: Tensor
    start: Tensor
    y: Tensor
    objective: Tensor
    norms: Tensor
    steps: Tensor

    def __len__(self) -> int:
        return len(self.images)


def change_norms(images: Images, start: Images) -> Numbers:
    """Return ‖images − start‖₂ of each image, (n,)."""
    return l2_norms(images - start).flatten()


def in_8_bits(images: Tensor) -> Tensor:
    """Return images in [0, 1] as they are once written to a file of 8 bits a channel."""
    return (images.clamp(0, 1) * 255).round() / 255
