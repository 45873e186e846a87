"""How far two manifolds fitted on disjoint halves of the images agree (Kadkhodaie et al. 2024).

What both halves give is a property of the data; the rest was made up by the fit. The cosine of the
two posterior score differences is the ceiling of every alignment with such a target.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.data.division import divide
from offmanifold.data.types import Data, Split
from offmanifold.manifolds.pooled import Pooled

LEAST = 20  # training images a half


def halves(data: Data, seed: int = 0) -> tuple[Data, Data]:
    """Return the data with either half of its training images, stratified by label.

    Raises InputError below LEAST images a half.
    """
    train = data.train
    if len(train) < 2 * LEAST:
        raise InputError(f"{len(train)} training images are too few for two halves ({2 * LEAST})")
    rows = divide(train.source.labels, train.rows, (0.5, 0.5), seed)
    first, second = (Split(train.source, part, train.classes) for part in rows)
    return replace(data, train=first), replace(data, train=second)


def agreement(
    one: Any, other: Any, x: Tensor, y: Tensor | None, index: Tensor, sigma: float
) -> dict[str, Tensor]:
    """Return for each image, (n,):

    projection_cosine: of Jv, v one normal vector an image. Of two denoisers also denoised_gap,
    ‖D_a − D_b‖², and denoised_error, ‖D_a − x‖², in pixels², at one noisy image; and of two that
    know the classes posterior_cosine, of their s(x̃|y) − s(x̃).
    """
    if isinstance(one, Pooled):
        return agreement(one.estimator, other.estimator, one.down(x), y, index, sigma)
    v = image_noise(tuple(x.shape[1:]), index, seed=0, name="agreement").to(x)
    pushed = [m.tangent(x, v, sigma, index=index) for m in (one, other)]
    found = {"projection_cosine": _cosine(*pushed)}
    if not (one.scores and other.scores):
        return found
    noisy = x + sigma * image_noise(tuple(x.shape[1:]), index, seed=0, name="manifold").to(x)
    with torch.no_grad():
        a, b = (m.denoise(noisy, None, sigma) for m in (one, other))
    found["denoised_gap"] = (a - b).square().flatten(1).sum(1)
    found["denoised_error"] = (a - x).square().flatten(1).sum(1)
    if y is not None and one.card.classes and one.card.classes == other.card.classes:
        targets = [
            m.score(x, y, sigma, index=index) - m.score(x, None, sigma, index=index)
            for m in (one, other)
        ]
        found["posterior_cosine"] = _cosine(*targets)
    return found


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1, eps=1e-12)
