"""What an estimate of the data manifold can be asked: two small protocols.

Estimators are asked at noisy points x̃ = x + σz only, by themselves: a trained denoiser is off its
training distribution at a clean image. The draws of z depend on (seed, draw, image index) alone, so
that every model and control is judged on the same ones.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.data.checks import check_given

TUPLES = {"shape", "classes", "dimension_interval", "rank_interval"}  # lists in JSON


@dataclass(frozen=True)
class ManifoldCard:
    """What is known of a fitted manifold.

    hash: its identity. shape: (c, h, w) of the images it takes. sigma: default noise level, a
    standard deviation per pixel in [0, 1]; None where no σ passed the gates. dimension: mean tr J
    at sigma over held-out images, dimension_interval its 95 % interval. rank: mean number of
    eigenvalues of J̄ above ½, with its interval. trace_ratio: tr J ÷ (held-out MSE/σ²). asymmetry:
    ‖J−Jᵀ‖²/2‖J‖². error: held-out E‖D−x‖² in pixels². gates: the same for every σ tried. pooling:
    side r of the averaged blocks.
    """

    spec: str
    hash: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...] | None = None
    data: str | None = None
    sigma: float | None = None
    dimension: float | None = None
    dimension_interval: tuple[float, float] | None = None
    rank: float | None = None
    rank_interval: tuple[float, float] | None = None
    trace_ratio: float | None = None
    asymmetry: float | None = None
    error: float | None = None
    gates: list[dict[str, float]] = field(default_factory=list)
    pooling: int = 1

    @classmethod
    def of(cls, saved: dict[str, Any], spec: str) -> "ManifoldCard":
        """Return the card that `summary` described, under another spec."""
        values = {k: tuple(v) if k in TUPLES and v else v for k, v in saved.items()}
        return cls(**{**values, "spec": spec})

    @property
    def usable(self) -> bool:
        """Whether some σ passed the gates, so that audits may use this manifold."""
        return self.sigma is not None

    def summary(self) -> dict[str, Any]:
        """Return plain JSON values, with `usable`."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {**fields, "usable": self.usable}


def fitted_folder(manifold: Any) -> Path | None:
    """Return the folder of a manifold that was fitted and saved; None of another, or of none."""
    folder = None if manifold is None else Path(manifold.card.spec)
    return folder if folder is not None and (folder / "config.json").is_file() else None


def check_shape(x: Tensor, card: ManifoldCard) -> None:
    """Raise InputError unless images (n, c, h, w) have the shape the manifold was fitted at."""
    if x.shape[1:] != torch.Size(card.shape):
        raise InputError(
            f"images of shape {tuple(x.shape[1:])} do not match the manifold, fitted at "
            f'{tuple(card.shape)}; refit with "offmanifold fit-manifold --data …"'
        )


def check_clean(x: Tensor, card: ManifoldCard) -> None:
    """Raise InputError unless images (n, c, h, w) are such as a manifold was fitted on, in [0, 1].

    Asked for by what others call; a fit and its gates have images that were checked when read.
    """
    check_shape(x, card)
    check_given(x)


class Fitted(nn.Module):
    """What all fitted manifolds share: a card, and the noise they are judged under.

    draws: noise draws averaged over. seed: of the noise named "manifold". Noise is float32.
    scores: whether it has a score, so that all gates must pass. noise: the least and the largest σ
    that `denoise` is made for.
    """

    card: ManifoldCard
    draws: int = 4
    seed: int = 0
    scores: bool = True
    noise: tuple[float, float] = (0.0, math.inf)

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        """Return D(x̃; σ | y) for noisy images (n, c, h, w); sigma per pixel, float or (n,)."""
        raise NotImplementedError

    def push(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        """Return Jv for directions v (m, n, c, h, w) at noisy images (n, c, h, w)."""
        raise NotImplementedError

    def pull(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        """Return Jᵀv likewise."""
        raise NotImplementedError

    def spectrum(self, x: Tensor, k: int, *, index: Tensor | None = None) -> Tensor:
        """Return the k largest eigenvalues of J̄ at the default σ, (n, k), falling."""
        raise NotImplementedError

    def sigma_or_default(self, sigma: float | None) -> float:
        """Return sigma, or the card's; raises InputError where no σ passed the gates."""
        sigma = self.card.sigma if sigma is None else sigma
        if sigma is None:
            raise InputError(
                f"the manifold {self.card.spec} is unusable: no σ passed its gates; fit it longer "
                "(`steps`) or on more images"
            )
        if not 0 < sigma < math.inf:
            raise InputError(f"σ must be finite and above 0 (per pixel), not {sigma}")
        return sigma

    def noisy(self, x: Tensor, sigma: float, index: Tensor | None) -> Iterator[Tensor]:
        """Yield x̃ = x + σz for each draw, the same for equal image indices."""
        check_shape(x, self.card)
        index = torch.arange(len(x)) if index is None else index
        for draw in range(self.draws):
            z = image_noise(tuple(x.shape[1:]), index, seed=self.seed, name="manifold", draw=draw)
            yield x + sigma * z.to(x)


@runtime_checkable
class Tangent(Protocol):
    """A tangent space at each image."""

    card: ManifoldCard

    def tangent(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        """Return the soft projection J̄v (n, c, h, w), J̄ = (J + Jᵀ)/2 averaged over draws."""
        ...

    def energy(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        """Return vᵀJ̄v (n,), or (m, n) for v (m, n, c, h, w); half the cost of `tangent`."""
        ...

    def basis(self, x: Tensor, k: int | None = None, *, index: Tensor | None = None) -> Tensor:
        """Return Q (n, k, d): rows are orthonormal, the top k eigenvectors of J̄ at default σ."""
        ...

    def dimension(self, x: Tensor, *, index: Tensor | None = None) -> Tensor:
        """Return an estimate of tr J̄ at each image, (n,)."""
        ...

    def spectrum(self, x: Tensor, k: int, *, index: Tensor | None = None) -> Tensor:
        """Return the k largest eigenvalues of J̄ at default σ, (n, k), falling."""
        ...


@runtime_checkable
class Score(Protocol):
    """The gradient of the log-density of noisy images."""

    card: ManifoldCard

    def score(
        self,
        x: Tensor,
        y: Tensor | None,
        sigma: float | None = None,
        *,
        index: Tensor | None = None,
    ) -> Tensor:
        """Return the mean over draws of s_σ(x̃ | y) (n, c, h, w); unconditional for y None."""
        ...

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        """Return D(x̃; σ | y) = E[x₀ | x̃, y] (n, c, h, w) of images that are noisy already."""
        ...


class Manifold(Tangent, Score, Protocol):
    """Both, as the denoiser is."""
