"""What a caller gives a use: images, classes and a classifier that fit, or one clear sentence."""

import math

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.extras import first_line
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import in_float32
from offmanifold.attacks.losses import check_labels
from offmanifold.manifolds import Fitted, Score, Tangent
from offmanifold.synthesis.batching import is_out_of_memory


def check_classes(y: Tensor, n: int | None = None) -> None:
    """Raise InputError unless classes are whole numbers of shape (n,), one an image."""
    whole = not (y.is_floating_point() or y.is_complex() or y.dtype == torch.bool)
    if y.ndim != 1 or not whole or n not in (None, len(y)):
        raise InputError(
            f"classes must be whole numbers of shape ({'n' if n is None else n},), not {y.dtype} "
            f"of shape {tuple(y.shape)}"
        )


def check_manifold_takes(manifold: Tangent | Score | None, x: Tensor) -> None:
    """Raise InputError where there is no manifold, or one of images of another shape than x."""
    if manifold is None:
        raise InputError("a manifold is needed; give `manifold`")
    fitted, given = tuple(manifold.card.shape), tuple(x.shape[1:])
    if fitted != given:
        raise InputError(f"the manifold was fitted on images of shape {fitted}, not {given}")


def noise_range(manifold: Tangent | Score | None) -> tuple[float, float]:
    """Return the least and the largest σ that a manifold's denoiser is made for, per pixel."""
    return manifold.noise if isinstance(manifold, Fitted) else (0.0, math.inf)


def check_classifier_takes(model: nn.Module, x: Tensor, y: Tensor | None = None) -> None:
    """Raise InputError where a classifier does not accept images x, or does not have classes y."""
    if not len(x):
        return
    try:
        with frozen(model), torch.no_grad(), in_float32(x.device):
            logits = model(x[:1])
    except (RuntimeError, ValueError, IndexError) as error:
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise
        raise InputError(
            f"the classifier did not accept images of shape {tuple(x.shape[1:])} "
            f"({first_line(error)})"
        ) from error
    if y is not None:
        check_labels(logits, y)
