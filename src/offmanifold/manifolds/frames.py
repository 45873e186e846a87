"""Manifolds given by a local Gaussian at each image: an origin, directions, and their variances.

The ideal denoiser of N(m, QᵀΛQ) at noise σ is m + QᵀGQ(x̃ − m), G = Λ/(Λ + σ²), so that tr J, gates
and dimension mean the same for every estimator. Directions of infinite variance make it a hard
projector. Frames are taken at the clean image: unlike a trained denoiser they are at home there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.weak import WeakIdKeyDictionary

from offmanifold.manifolds.base import Fitted, check_clean, check_shape


@dataclass(frozen=True)
class Frame:
    """A local Gaussian at each of n images.

    rows: (n, k, d) orthonormal, of falling variance; zero where the variance is. variances: (n, k)
    in squared l2 norm of [0, 1] pixels, infinite where nothing is known of the extent. origin:
    (n, d), its mean.
    """

    rows: Tensor
    variances: Tensor
    origin: Tensor

    def gains(self, sigma: Tensor | float) -> Tensor:
        """Return G = λ/(λ + σ²) (n, k), the eigenvalues of J; sigma: float or (n, 1)."""
        return 1 / (1 + sigma**2 / self.variances)

    def project(self, v: Tensor, sigma: Tensor | float) -> Tensor:
        """Return Jv (…, n, d) of v (…, n, d)."""
        along = torch.einsum("nkd,...nd->...nk", self.rows, v)
        return torch.einsum("nkd,...nk->...nd", self.rows, along * self.gains(sigma))


class FrameManifold(Fitted):
    """The Tangent protocol for a subclass that defines `frame`; J̄ is symmetric by construction."""

    scores = False

    def __init__(self):
        super().__init__()
        self._frames = WeakIdKeyDictionary()  # as long as the batch they were asked for

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        """Return the local Gaussian at images (n, c, h, w), in the dtype of x."""
        raise NotImplementedError

    def at(self, x: Tensor, index: Tensor | None = None) -> Frame:
        """Return `frame`, made once for one tensor of images; raises InputError for its shape."""
        check_shape(x, self.card)
        version = 0 if x.is_inference() else x._version  # changed by what is written into x
        asked = version, None if index is None else index.tolist()
        if x not in self._frames or self._frames[x][0] != asked:
            with torch.no_grad():
                self._frames[x] = asked, self.frame(x, index)
        return self._frames[x][1]

    def clean(self, x: Tensor, index: Tensor | None) -> Frame:
        """Return `at` of images without noise; raises InputError for others."""
        check_clean(x, self.card)
        return self.at(x, index)

    def tangent(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        """Return QᵀGQv (n, c, h, w); differentiable in v."""
        sigma = self.sigma_or_default(sigma)
        return self.clean(x, index).project(v.flatten(1), sigma).reshape(v.shape)

    def energy(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        """Return vᵀQᵀGQv (n,), or (m, n) for v (m, n, c, h, w)."""
        frame, sigma = self.clean(x, index), self.sigma_or_default(sigma)
        along = torch.einsum("nkd,...nd->...nk", frame.rows, v.flatten(-3))
        return (along.square() * frame.gains(sigma)).sum(-1)

    def basis(self, x: Tensor, k: int | None = None, *, index: Tensor | None = None) -> Tensor:
        """Return the k rows of largest variance, (n, k, d)."""
        rows = self.clean(x, index).rows
        wanted = round(self.card.dimension or 0) if k is None else k
        return rows[:, : max(1, wanted)]

    def dimension(self, x: Tensor, *, index: Tensor | None = None) -> Tensor:
        """Return tr J at the default σ, (n,)."""
        return self.clean(x, index).gains(self.sigma_or_default(None)).sum(1)

    def spectrum(self, x: Tensor, k: int, *, index: Tensor | None = None) -> Tensor:
        """Return the k largest eigenvalues of J̄ at the default σ, (n, k), falling."""
        gains = self.at(x, index).gains(self.sigma_or_default(None))[:, :k]
        return F.pad(gains, (0, k - gains.shape[1]))

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        """Return m + J(x̃ − m), (n, c, h, w), of the local Gaussian found at the noisy image."""
        frame = self.at(noisy)
        s = torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device).expand(len(noisy))
        away = noisy.flatten(1) - frame.origin
        return (frame.origin + frame.project(away, s[:, None])).reshape(noisy.shape)

    def push(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        """Return Jv for directions v (m, n, c, h, w) at images (n, c, h, w)."""
        return self.at(noisy).project(v.flatten(2), sigma).reshape(v.shape)

    pull = push
