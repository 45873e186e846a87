"""What an estimate of the data manifold can be asked: two small protocols.

Estimators are asked at noisy points x̃ = x + σz only, by themselves: a trained denoiser is off its
training distribution at a clean image. The draws of z depend on (seed, draw, image index) alone, so
that every model and control is judged on the same ones.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from offmanifold.errors import InputError


@dataclass(frozen=True)
class ManifoldCard:
    """What is known of a fitted manifold.

    hash: its identity. shape: (c, h, w) of the images it takes. sigma: default noise level, a
    standard deviation per pixel in [0, 1]; None where no σ passed the gates. dimension: mean tr J
    at sigma. trace_ratio: tr J ÷ (held-out MSE/σ²). asymmetry: ‖J−Jᵀ‖²/2‖J‖². error: held-out
    E‖D−x‖² in pixels². gates: the same for every σ tried. pooling: side r of the averaged blocks.
    """

    spec: str
    hash: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...] | None = None
    data: str | None = None
    sigma: float | None = None
    dimension: float | None = None
    trace_ratio: float | None = None
    asymmetry: float | None = None
    error: float | None = None
    gates: list[dict[str, float]] = field(default_factory=list)
    pooling: int = 1

    @property
    def usable(self) -> bool:
        """Whether some σ passed the gates, so that audits may use this manifold."""
        return self.sigma is not None

    def summary(self) -> dict[str, Any]:
        """Return plain JSON values, with `usable`."""
        return {**asdict(self), "usable": self.usable}


def check_shape(x: Tensor, card: ManifoldCard) -> None:
    """Raise InputError unless images (n, c, h, w) have the shape the manifold was fitted at."""
    if x.shape[1:] != torch.Size(card.shape):
        raise InputError(
            f"images of shape {tuple(x.shape[1:])} do not match the manifold, fitted at "
            f'{tuple(card.shape)}; refit with "offmanifold fit-manifold --data …"'
        )


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
