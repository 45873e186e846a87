"""Data of which everything is known: `subspace:K`, `sphere:K` and `mixture:K`, 28×28.

Images are .5 + Bu, B the K (for spheres K + 1) smoothest Fourier modes, which keeps them fit for a
convolutional network, and u drawn from a law whose denoiser has a closed form. A latent depends on
(seed, index) alone.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import generator_of
from offmanifold.data.pixels import short_hash
from offmanifold.data.request import Found, Request

SIDE, IMAGES = 28, 6000
RADIUS = 0.08 * SIDE  # root mean square of ‖u‖: pixels have a standard deviation of .08
LARGEST = 300  # modes: those of a frequency below a third of the sampling rate


class Known(ABC):
    """A `Source` with its exact tangent spaces and its exact denoiser.

    k: dimension of the manifold. basis: (m, d) orthonormal rows of float64. classes: names.
    conditional: whether `denoise` knows the classes.
    """

    classes: tuple[str, ...] = ("left", "right")
    conditional = False
    shape: tuple[int, int, int] = (1, SIDE, SIDE)
    labels: np.ndarray | None

    def __init__(self, name: str, k: int, modes: int, n: int, seed: int):
        self.name, self.k, self.seed = name, k, seed
        self.basis = fourier_modes(modes, SIDE)
        self.labels, self._latents = self._draw(n)
        self.names = [str(i) for i in range(n)]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _hashes(self) -> list[str]:
        return [short_hash(f"{self.name} {SIDE} {u.tobytes()}".encode()) for u in self._latents]

    @property
    def hashes(self) -> list[str]:
        """Hex content hashes (n,), of the latents, since they decide the pixels."""
        return self._hashes

    def _draw(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return labels (n,) and latents (n, m), drawn again where a pixel would leave [0, 1]."""
        rows = [self._draw_one(i) for i in range(n)]
        return np.array([y for y, _ in rows]), torch.stack([u for _, u in rows]).numpy()

    def _draw_one(self, i: int) -> tuple[int, Tensor]:
        generator = generator_of(self.name, self.seed, i)
        while True:
            y, u = self.draw(generator)
            if float((u @ self.basis).abs().max()) <= 0.5:
                return y, u

    @abstractmethod
    def draw(self, generator: torch.Generator) -> tuple[int, Tensor]:
        """Return a label and a latent u (m,) float64."""

    @abstractmethod
    def along(self, u: Tensor) -> Tensor:
        """Return an orthonormal basis (n, k, m) of the tangent spaces at latents (n, m)."""

    @abstractmethod
    def mean(self, noisy: Tensor, y: Tensor | None, sigma: Tensor) -> Tensor:
        """Return E[u | ũ, y], (n, m), for ũ = u + σz; sigma: (n, 1)."""

    def latents(self, index: np.ndarray) -> Tensor:
        """Return u (n, m) float64."""
        return torch.from_numpy(self._latents[index])

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, 1, h, w), float32 in [0, 1]."""
        return (0.5 + self.latents(index) @ self.basis).float().reshape(-1, *self.shape)

    def masks(self, index: np.ndarray) -> Tensor | None:
        """Return None: every pixel is signal."""
        return None

    def tangents(self, index: np.ndarray) -> Tensor:
        """Return orthonormal rows (n, k, d) that span the exact tangent spaces, float64."""
        return self.along(self.latents(index)) @ self.basis

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        """Return E[x | x̃, y] of images x̃ = x + σz (n, 1, h, w): noise off the modes is removed.

        sigma: per pixel, float or (n,).
        """
        basis = self.basis.to(noisy)
        u = (noisy.flatten(1) - 0.5) @ basis.T
        s = torch.as_tensor(sigma, dtype=u.dtype, device=u.device).expand(len(u))
        return (0.5 + self.mean(u, y, s[:, None]) @ basis).reshape(noisy.shape)


class Subspace(Known):
    """u ~ N(0, R²/k · I): a linear manifold of dimension k. Classes: the sign of u₀."""

    def __init__(self, k: int, n: int, seed: int):
        super().__init__(f"subspace-{k}", k, k, n, seed)

    def draw(self, generator):
        u = RADIUS / math.sqrt(self.k) * torch.randn(self.k, generator=generator).double()
        return int(u[0] > 0), u

    def along(self, u):
        return torch.eye(self.k).to(u).expand(len(u), -1, -1)

    def mean(self, noisy, y, sigma):
        return noisy * (RADIUS**2 / self.k) / (RADIUS**2 / self.k + sigma**2)


class Sphere(Known):
    """u uniform on the sphere of radius R in k + 1 dimensions. Classes: the sign of u₀."""

    def __init__(self, k: int, n: int, seed: int):
        super().__init__(f"sphere-{k}", k, k + 1, n, seed)

    def draw(self, generator):
        u = torch.randn(self.k + 1, generator=generator).double()
        return int(u[0] > 0), RADIUS * u / u.norm()

    def along(self, u):
        outward = u[:, :, None] / u.norm(dim=1)[:, None, None]
        return torch.linalg.qr(outward, mode="complete")[0][:, :, 1:].transpose(1, 2)

    def mean(self, noisy, y, sigma):
        """R I_{ν+1}(κ)/I_ν(κ) · ũ/‖ũ‖, κ = R‖ũ‖/σ²: u given ũ is von Mises–Fisher."""
        gain = RADIUS**2 / sigma**2
        squared = gain * noisy.square().sum(1, keepdim=True) / sigma**2  # κ²
        return gain * bessel_ratio((self.k + 1) / 2 - 1, squared) * noisy


class Mixture(Known):
    """u ~ N(μ_y, s²I), y one of k equally likely classes, in max(k, 20) dimensions.

    μ_y = .45 R e_y and s = .7 R/√m: neighbouring classes overlap by some percent.
    """

    conditional = True

    def __init__(self, k: int, n: int, seed: int):
        m = max(k, 20)
        self.classes = tuple(f"class {y}" for y in range(k))
        self.means = 0.45 * RADIUS * torch.eye(m, dtype=torch.double)[:k]
        self.deviation = 0.7 * RADIUS / math.sqrt(m)
        super().__init__(f"mixture-{k}", m, m, n, seed)

    def draw(self, generator):
        y = int(torch.randint(len(self.means), (), generator=generator))
        u = torch.randn(self.k, generator=generator).double()
        return y, self.means[y] + self.deviation * u

    def along(self, u):
        return torch.eye(self.k).to(u).expand(len(u), -1, -1)

    def mean(self, noisy, y, sigma):
        means = self.means.to(noisy)
        gain = self.deviation**2 / (self.deviation**2 + sigma**2)
        each = means + gain[:, None] * (noisy[:, None] - means)
        if y is not None:
            return each[torch.arange(len(noisy), device=noisy.device), y]
        return (self.log_posterior(noisy, sigma).exp()[:, :, None] * each).sum(1)

    def log_posterior(self, noisy: Tensor, sigma: Tensor | float) -> Tensor:
        """Return log p_σ(y | ũ), (n, classes), of noisy latents (n, m); sigma: float or (n, 1)."""
        away = (noisy[:, None] - self.means.to(noisy)).square().sum(2)
        return (-away / (2 * (self.deviation**2 + sigma**2))).log_softmax(1)


def fourier_modes(m: int, side: int) -> Tensor:
    """Return the m smoothest modes without the constant one, orthonormal rows (m, side²).

    Cosine and sine of a frequency come together, so that pixels are alike.
    """
    reach = range(-(side // 3), side // 3 + 1)
    half = [(a, b) for a in reach for b in reach if (a, b) > (0, 0)]
    half.sort(key=lambda f: (f[0] ** 2 + f[1] ** 2, f))
    place = 2 * math.pi * torch.arange(side, dtype=torch.double) / side
    rows = []
    for a, b in half[: -(-m // 2)]:
        angle = (a * place[:, None] + b * place[None]).flatten()
        rows += [angle.cos(), angle.sin()]
    return torch.stack(rows[:m]) * math.sqrt(2) / side


def bessel_ratio(order: float, squared: Tensor, steps: int = 128) -> Tensor:
    """Return I_{ν+1}(κ)/(κ I_ν(κ)) of modified Bessel functions; squared: κ² ≥ 0.

    By downward recurrence from Amos's bound (1974) at n = ν + steps, which is exact for κ → 0 and
    κ → ∞, and whose error each step divides further. Over κ it is smooth at 0.
    """
    n = order + steps
    ratio = 1 / (n + 0.5 + ((n + 1.5) ** 2 + squared).sqrt())
    for i in range(steps, 0, -1):
        ratio = 1 / (2 * (order + i) + squared * ratio)
    return ratio


KINDS: dict[str, Callable[[int, int, int], Known]] = {
    "subspace": Subspace,
    "sphere": Sphere,
    "mixture": Mixture,
}


def opener(kind: str) -> Callable[[str, Request], Found]:
    """Return the function that opens `kind:K` or `kind:K:N`: dimension or classes, images."""

    def open_known(rest: str, request: Request) -> Found:
        parts = rest.split(":") if rest else ["10"]
        if len(parts) > 2 or not all(part.isdecimal() for part in parts):
            raise InputError(f'"{kind}" takes {kind}:K or {kind}:K:IMAGES, got "{kind}:{rest}"')
        k, n = int(parts[0]), int(parts[1]) if len(parts) > 1 else IMAGES
        if not 2 <= k < LARGEST or n < 10:
            raise InputError(
                f'"{kind}:{rest}": K must be 2 to {LARGEST - 1}, and images at least 10'
            )
        source = KINDS[kind](k, n, request.seed)
        return Found(source.name, source, source.classes, notes=("of known law",))

    return open_known
