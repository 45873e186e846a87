"""The normal space spanned by scores near an image (Stanczuk et al. 2024)."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.data.types import Data
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.estimators.denoiser import Denoiser, DenoiserManifold
from offmanifold.manifolds.fit import Place, estimators
from offmanifold.manifolds.frames import Frame, FrameManifold
from offmanifold.manifolds.gates import complete

LARGEST = 1024  # pixels × channels, unless forced
CHUNK = 512  # noisy images denoised at once
JUDGED = 8  # held-out images that measure the gates


class ScoreSVDManifold(FrameManifold):
    """At x: the directions in which scores at x + near·z vary little.

    σ² times the score, D − x̃, has the standard deviation σ(1 − J) along an eigenvector of J there,
    so that the local variance is σ²J/(1 − J), σ = near.
    """

    draws = 1  # its gates cost as much as frames at as many noisy images

    def __init__(self, card: ManifoldCard, denoiser: DenoiserManifold, near: float, points: int):
        super().__init__()
        self.card, self.denoiser, self.near, self.points = card, denoiser, near, points

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        index = torch.arange(len(x)) if index is None else index
        frames = [self._one(x[i], index[i : i + 1]) for i in range(len(x))]
        rows, variances, origins = (torch.stack(parts) for parts in zip(*frames, strict=True))
        return Frame(rows, variances, origins)

    def _one(self, x: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        d = x.numel()
        m = self.points * d
        z = image_noise((m, d), index, seed=self.seed, name="score_svd")[0]
        # Of mean 0 and covariance 1 in the sample too: else 1 − J = 1 would be .5 to 1.5 at m = 4d.
        z = math.sqrt(m - 1) * torch.linalg.qr(z - z.mean(0))[0].reshape(m, *x.shape).to(x)
        residual = torch.cat(
            [
                self.denoiser.denoise(x + self.near * part, None, self.near) - x - self.near * part
                for part in z.split(CHUNK)
            ]
        ).flatten(1)
        mean = residual.mean(0)
        away = (residual - mean).double()
        squares, vectors = torch.linalg.eigh(away.T @ away)  # rising
        remains = (squares.clamp(min=0) / (m - 1)).sqrt() / self.near  # 1 − J
        gain = (1 - remains).clamp(1e-6, 1 - 1e-6)
        variances = self.near**2 * gain / (1 - gain)
        return vectors.T.to(x), variances.to(x), x.flatten() + mean


@estimators.register("score_svd")
@dataclass(frozen=True)
class ScoreSVD(Denoiser):
    """Singular vectors of scores at m ≥ 4d noisy copies of an image (Stanczuk et al. 2024).

    The scores are those of a denoiser, which is fitted first. Tangent spaces alone. Memory: m × d
    floats. Cost: m = points · d denoisings and a decomposition of (d × d) an image, so that images
    of more than 1,024 numbers are refused unless forced.

    Attributes:
        near: σ of the copies, per pixel in [0, 1].
        points: copies an image ÷ d, at least 4.
        force: take images of any size.
    """

    name: ClassVar[str]
    near: float = 0.1
    points: int = 4
    force: bool = False

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.near < math.inf:
            raise InputError(f"score-svd needs a finite near > 0 (σ per pixel), not {self.near}")
        if self.points < 4:
            raise InputError(f"score-svd needs at least 4 points a dimension, not {self.points}")

    def fit(self, data: Data, card: ManifoldCard, engine: Engine, place: Place) -> ScoreSVDManifold:  # type: ignore[override]
        """Fit the denoiser, and judge what its scores span; see `fit_manifold`."""
        d = math.prod(card.shape)
        if d > LARGEST and not self.force:
            raise InputError(
                f"score-svd would denoise {self.points * d:,} copies of each image and decompose "
                f"{d} × {d} scores; above {LARGEST} numbers an image give `force`, or use denoiser"
            )
        return self.around(super().fit(data, replace(card, classes=None), engine, place), data)

    def around(self, denoiser: DenoiserManifold, data: Data) -> ScoreSVDManifold:
        """Return what the scores of a fitted denoiser span, judged on data.val."""
        manifold = self._wrap(denoiser.card, denoiser)
        complete(manifold, data, images=JUDGED)
        return manifold

    def rebuild(self, card: ManifoldCard, tensors: dict[str, Tensor]) -> ScoreSVDManifold:  # type: ignore[override]
        """Return a saved manifold."""
        own = {name.removeprefix("denoiser."): tensor for name, tensor in tensors.items()}
        return self._wrap(card, super().rebuild(card, own))

    def _wrap(self, card: ManifoldCard, denoiser: DenoiserManifold) -> ScoreSVDManifold:
        card = replace(card, classes=None)
        return ScoreSVDManifold(card, denoiser, self.near, self.points)
