"""What a use of aligned gradients returns: one image and three numbers an image."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

from offmanifold.attacks.balls import l2_norms

S = TypeVar("S", bound="Synthesis")


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


def change_norms(images: Tensor, start: Tensor) -> Tensor:
    """Return ‖images − start‖₂ of each image, (n,)."""
    return l2_norms(images - start).flatten()


def join(parts: Sequence[S]) -> S:
    """Return the results of several batches as one; there must be at least one."""
    kind = type(parts[0])
    return kind(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(kind)})
