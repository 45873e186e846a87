"""`digits`: scikit-learn's embedded handwriting, 1,797 grey images of 10 classes, 16×16."""

import numpy as np
import torch
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.request import Found, Request


def open_digits(rest: str, request: Request) -> Found:
    """Return the 8×8 images of values 0..16, scaled to [0, 1] and, bilinearly, to 16×16."""
    from sklearn.datasets import load_digits  # a second of import, for who needs it

    if rest:
        raise InputError(f'"digits" takes nothing after the colon, got "{rest}"')
    values, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(values / 16).float().reshape(-1, 1, 8, 8)
    pixels = F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    names = [str(i) for i in range(len(images))]
    return Found(
        name="digits",
        source=ArraySource(pixels.numpy(), np.asarray(labels, np.int64), names),
        classes=tuple("0123456789"),
        eps=1.0,
        notes=("8×8 images upscaled bilinearly to 16×16",),
    )
