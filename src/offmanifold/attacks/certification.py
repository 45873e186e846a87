"""Certificates of randomised smoothing (Cohen, Rosenfeld and Kolter 2019, Algorithm 1).

The smoothed classifier answers the class that the classifier gives most often to an image with
Gaussian noise. Where that class has probability at least p > ½, no perturbation of an l2 norm below
σΦ⁻¹(p) changes its answer. What is certified is the smoothed classifier, not the classifier.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import beta, binom, norm
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32, in_float32
from offmanifold._core.randomness import Randomness, normal_like
from offmanifold.data.checks import check_given
from offmanifold.models.scalars import decided

VALUES = 2**14  # of noise an image and a call: fixes the draws of a call whatever the batch
FORWARD_VALUES, FORWARD_IMAGES = 2**18, 16  # noisy images classified at once: the larger of both
ABSTAINS = -1


@dataclass(frozen=True)
class Certificates:
    """What is certified of m images; tensors on the CPU.

    prediction: (m,) int64, the smoothed classifier's class, -1 where it abstains. radius: (m,)
    float64, an l2 norm per image, 0 where it abstains. p_lower: (m,) float64, the lower bound of
    that class's probability under noise. Each image's certificate is wrong with a chance of at
    most alpha.
    """

    prediction: Tensor
    radius: Tensor
    p_lower: Tensor


def certify(
    model: nn.Module,
    x: Tensor,
    sigma: float,
    *,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    generator: Randomness,
    batch: int | None = None,
) -> Certificates:
    """Return the prediction and the certified radius of a smoothed classifier at each image.

    x: (m, c, h, w) in [0, 1]. sigma: of the noise, standard deviation per pixel; noisy images are
    not clipped. n0: draws that choose the class. n: fresh draws that bound its probability. alpha:
    chance at most of a wrong certificate, an image. batch: noisy images classified at once, by
    their size if None. Memory grows with m, not with n. With `ImageNoise` the certificate of an
    image depends neither on its batch nor on the order. Logits without a finite largest are no
    vote. Raises InputError for a number or images out of range and for fewer than 2 classes.
    """
    check_given(x)
    _check(sigma, n, alpha, batch)
    if n0 < 1:
        raise InputError(f"n0 must be at least 1 draw, not {n0}")
    chosen = _votes(model, x, sigma, n0, generator, batch).argmax(1)
    votes = _votes(model, x, sigma, n, generator, batch)
    count = votes.gather(1, chosen[:, None])[:, 0].numpy()
    p_lower = lower_bound(count, n, alpha)
    certain = p_lower > 0.5
    radius = np.where(certain, sigma * norm.ppf(p_lower), 0.0)
    return Certificates(
        prediction=chosen.masked_fill(~torch.from_numpy(certain), ABSTAINS),
        radius=torch.from_numpy(radius),
        p_lower=torch.from_numpy(p_lower),
    )


def predict(
    model: nn.Module,
    x: Tensor,
    sigma: float,
    *,
    n: int = 100,
    alpha: float = 0.001,
    generator: Randomness,
    batch: int | None = None,
) -> Tensor:
    """Return the smoothed classifier's class at each image, (m,) int64 on the CPU, -1 to abstain.

    A class is answered where the test of its votes against those of the next (two-sided, both
    equally likely) gives at most alpha: the chance, at most, of another answer than the smoothed
    classifier's. For a class without a radius it needs far fewer draws than `certify`, whose
    arguments it shares and whose errors it raises.
    """
    check_given(x)
    _check(sigma, n, alpha, batch)
    counts, classes = _votes(model, x, sigma, n, generator, batch).topk(2)
    most, second = counts.numpy().T
    chance = 2 * binom.sf(most - 1, most + second, 0.5)  # above 1 where they are equal
    return classes[:, 0].masked_fill(torch.from_numpy(chance > alpha), ABSTAINS)


def lower_bound(count: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Return the one-sided lower bound of a probability seen `count` times in n draws.

    It lies above the probability with a chance of at most alpha (Clopper and Pearson 1934).
    """
    count = np.asarray(count)
    bound = beta.ppf(alpha, np.maximum(count, 1), n - count + 1)
    return np.where(count > 0, bound, 0.0)


def radius_cap(sigma: float, n: int = 1000, alpha: float = 0.001) -> float:
    """Return the largest radius that n draws can certify, an l2 norm: σΦ⁻¹(α^(1/n)), at least 0.

    Raises InputError as `certify` does.
    """
    _check(sigma, n, alpha)
    return max(0.0, sigma * float(norm.ppf(alpha ** (1 / n))))


def _check(sigma: float, n: int, alpha: float, batch: int | None = None) -> None:
    if not 0 < sigma < math.inf:
        raise InputError(
            f"sigma must be finite and above 0 (a standard deviation per pixel), not {sigma}"
        )
    if n < 1:
        raise InputError(f"n must be at least 1 draw, not {n}")
    if not 0 < alpha < 1:
        raise InputError(f"alpha must lie between 0 and 1 (a chance of error), not {alpha}")
    if batch is not None and batch < 1:
        raise InputError(f"batch must be at least 1 noisy image, not {batch}")


def _votes(
    model: nn.Module, x: Tensor, sigma: float, n: int, generator: Randomness, batch: int | None
) -> Tensor:
    """Return how many of n noisy copies of each image got each class, (m, k) int64 on the CPU."""
    x = at_least_float32(x.detach())
    values = math.prod(x.shape[1:])
    batch = batch or max(FORWARD_IMAGES, FORWARD_VALUES // values)
    each = max(1, VALUES // values)
    calls = [min(each, n - start) for start in range(0, n, each)]
    together = max(1, batch // (each * max(1, len(x))))
    counts = torch.zeros(len(x), 1, dtype=torch.int64)
    with frozen(model), torch.no_grad(), in_float32(x.device):
        for start in range(0, len(calls), together):
            copies = [x[:, None].expand(-1, k, *x.shape[1:]) for k in calls[start:][:together]]
            noise = torch.cat([normal_like(same, generator) for same in copies], 1)
            counts = counts + _count(model, x[:, None] + sigma * noise, batch)
    return counts


def _count(model: nn.Module, noisy: Tensor, batch: int) -> Tensor:
    """Return how many of the copies (m, draws, c, h, w) got each class, (m, k) on the CPU."""
    logits = torch.cat([model(part) for part in noisy.flatten(0, 1).split(batch)])
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(
            f"only logits (m, k) of at least 2 classes can be certified, not {tuple(logits.shape)}"
        )
    answers = logits.argmax(1).cpu().view(noisy.shape[:2])
    cast = decided(logits).long().cpu().view(noisy.shape[:2])
    return torch.zeros(len(noisy), logits.shape[1], dtype=torch.int64).scatter_add_(
        1, answers, cast
    )
