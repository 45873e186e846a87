"""How good made images are: against originals, or as a set against real images."""

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.synthesis.shapes import Images, Labels, Numbers, OtherPoints, Points

LEAST_ERROR = 1e-10  # a mean square from which images count as equal: 100 dB


def psnr(images: Images, originals: Images) -> Numbers:
    """Return the peak signal-to-noise ratio of images (n, c, h, w) in [0, 1], (n,) in dB.

    −10 log₁₀ of the mean square difference; 100 dB where that is below 1e-10.
    """
    error = (images - originals).flatten(1).double().square().mean(1)
    return -10 * error.clamp(min=LEAST_ERROR).log10()


def spread(images: Images, y: Labels) -> Numbers:
    """Return the mean l2 distance of each image (n, c, h, w) to the others of its class y, (n,).

    NaN for the only one of a class. Images all alike have 0, whatever their quality. Takes memory
    by the square of the images of one class, not of all.
    """
    means = images.new_full((len(images),), torch.nan)
    for c in y.unique():
        own = images[y == c].flatten(1)
        distances = torch.cdist(own, own, compute_mode="donot_use_mm_for_euclid_dist")
        means[y == c] = distances.sum(1) / (len(own) - 1)
    return means


def covered(points: Points, by: OtherPoints, k: int = 3) -> Tensor:
    """Return which points (n, d) lie in what others (m, d) cover, (n,) bool.

    Covered are the balls around each of `by` that reach to its k-th nearest other of `by`. The mean
    of `covered(made, real)` is the precision of made images, that of `covered(real, made)` their
    recall (Kynkäänniemi et al. 2019), which is the smaller the fewer were made. Raises InputError
    for k or fewer of `by`.
    """
    if len(by) <= k:
        raise InputError(f"precision and recall need more than {k} images a side, not {len(by)}")
    exact = "donot_use_mm_for_euclid_dist"  # an image is at no distance from itself
    radii = torch.cdist(by, by, compute_mode=exact).kthvalue(k + 1, dim=1).values
    return (torch.cdist(points, by, compute_mode=exact) <= radii).any(1)


def frechet(a: Points, b: OtherPoints) -> float:
    """Return the squared Fréchet distance of the Gaussians that fit a and b, each (n, d).

    ‖μ − ν‖² + tr(Σ + Γ − 2 (Σ½ Γ Σ½)½) (Dowson and Landau 1982), in float64. For few images it is
    too large, the more so the larger d: compare it with that of as many real images. Raises
    InputError for fewer than two images.
    """
    if min(len(a), len(b)) < 2:
        raise InputError("a Fréchet distance needs two images or more on each side")
    return _frechet(*(v.double().cpu().numpy() for v in (a, b)))


def frechet_error(a: Points, b: OtherPoints) -> float:
    """Return the standard error of `frechet(a, b)` over images drawn anew on both sides.

    By the jackknife, one image left out at a time (Efron and Stein 1981). It says nothing of the
    bias that few images bring. Raises InputError for fewer than three images.
    """
    if min(len(a), len(b)) < 3:
        raise InputError("an error of a Fréchet distance needs three images or more on each side")
    one, two = (v.double().cpu().numpy() for v in (a, b))
    without_a = np.array([_frechet(np.delete(one, i, 0), two) for i in range(len(one))])
    without_b = np.array([_frechet(one, np.delete(two, i, 0)) for i in range(len(two))])
    return float(np.sqrt(sum((len(v) - 1) * v.var() for v in (without_a, without_b))))


def _frechet(one: np.ndarray, two: np.ndarray) -> float:
    sigma, gamma = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (one, two))
    values, vectors = np.linalg.eigh(sigma)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ gamma @ root).clip(min=0)).sum()
    apart = np.square(one.mean(0) - two.mean(0)).sum()
    return float(max(0.0, apart + np.trace(sigma) + np.trace(gamma) - 2 * cross))
