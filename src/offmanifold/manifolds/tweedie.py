"""Score and tangent of any denoiser, by Tweedie's and Miyasawa's formulas.

At x̃ = x + σz: s_σ(x̃) = (D(x̃) − x̃)/σ² and J(x̃) = ∂D/∂x̃ = Cov[x₀ | x̃]/σ².
"""

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from offmanifold._core.randomness import image_noise
from offmanifold.manifolds.base import Fitted, check_clean

PIXELS = 2**17  # directions × those of the images, held at once in a batched jvp


class TweedieManifold(Fitted):
    """The Tangent and Score protocols for a subclass that defines `denoise`."""

    iterations: int = 2

    def score(
        self,
        x: Tensor,
        y: Tensor | None,
        sigma: float | None = None,
        *,
        index: Tensor | None = None,
    ) -> Tensor:
        check_clean(x, self.card)
        sigma = self.sigma_or_default(sigma)
        with torch.no_grad():
            scores = [
                (self.denoise(noisy, y, sigma) - noisy) / sigma**2
                for noisy in self.noisy(x, sigma, index)
            ]
        return torch.stack(scores).mean(0)

    def tangent(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        check_clean(x, self.card)
        sigma = self.sigma_or_default(sigma)
        total = torch.zeros_like(v)
        for noisy in self.noisy(x, sigma, index):
            total += self.push(noisy, v[None], sigma)[0] + self.pull(noisy, v[None], sigma)[0]
        return total / (2 * self.draws)

    def energy(
        self, x: Tensor, v: Tensor, sigma: float | None = None, *, index: Tensor | None = None
    ) -> Tensor:
        check_clean(x, self.card)
        sigma = self.sigma_or_default(sigma)
        many = v if v.dim() == 5 else v[None]
        total = torch.zeros(many.shape[:2], dtype=x.dtype, device=x.device)
        for noisy in self.noisy(x, sigma, index):
            total += (many * self.push(noisy, many, sigma)).flatten(2).sum(2)
        total = total / self.draws
        return total if v.dim() == 5 else total[0]

    def basis(self, x: Tensor, k: int | None = None, *, index: Tensor | None = None) -> Tensor:
        """Top eigenvectors of J̄ by subspace iteration with J and Jᵀ in turn, then Rayleigh–Ritz.

        Cost: k + 8 jvps or vjps a draw and iteration, and one application more.
        """
        check_clean(x, self.card)
        return self._largest(x, round(self.card.dimension or 0) if k is None else k, index)[1]

    def spectrum(self, x: Tensor, k: int, *, index: Tensor | None = None) -> Tensor:
        """Return the k largest eigenvalues of J̄ (n, k), falling, by the same iteration."""
        return self._largest(x, k, index)[0]

    def _largest(self, x: Tensor, k: int, index: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the k largest eigenvalues (n, k) of J̄, and their eigenvectors (n, k, d)."""
        sigma = self.sigma_or_default(None)
        d = x[0].numel()
        k = max(1, min(k, d))
        width = min(k + 8, d)
        index = torch.arange(len(x)) if index is None else index
        start = image_noise((width, d), index, seed=self.seed, name="basis").to(x)
        points = list(self.noisy(x, sigma, index))

        def apply(q: Tensor, transposed: bool) -> Tensor:
            v = q.transpose(0, 1).reshape(width, *x.shape)
            product = self.pull if transposed else self.push
            total = torch.zeros_like(v)
            for noisy in points:
                total += product(noisy, v, sigma)
            return (total / len(points)).reshape(width, len(x), d).transpose(0, 1)

        q = _orthonormal(start)
        for i in range(self.iterations):
            q = _orthonormal(apply(q, transposed=i % 2 == 1))
        small = q @ apply(q, transposed=False).transpose(1, 2)  # qᵢᵀ J qⱼ
        symmetric = (small + small.transpose(1, 2)) / 2
        values, vectors = (t.to(q).flip(-1) for t in torch.linalg.eigh(_where_solved(symmetric)))
        return values[:, :k], vectors[:, :, :k].transpose(1, 2) @ q

    def dimension(self, x: Tensor, *, index: Tensor | None = None) -> Tensor:
        index = torch.arange(len(x)) if index is None else index
        shape = tuple(x.shape[1:])
        v = image_noise(shape, index, seed=self.seed, name="trace").sign().to(x)
        return self.energy(x, v, index=index)

    def push(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        """Jv for directions v (m, n, c, h, w) at images (n, c, h, w); the primal is shared."""

        def one(tangent: Tensor) -> Tensor:
            return jvp(lambda a: self.denoise(a, None, sigma), (noisy,), (tangent,))[1]

        with torch.no_grad():
            if len(v) == 1:
                return one(v[0])[None]
            return vmap(one, chunk_size=max(1, PIXELS // noisy[:, 0].numel()))(v)

    def pull(self, noisy: Tensor, v: Tensor, sigma: float) -> Tensor:
        """Jᵀv for directions v (m, n, c, h, w)."""
        with torch.no_grad():
            back = vjp(lambda a: self.denoise(a, None, sigma), noisy)[1]
            if len(v) == 1:
                return back(v[0])[0][None]
            return vmap(lambda t: back(t)[0], chunk_size=max(1, PIXELS // noisy[:, 0].numel()))(v)


def _orthonormal(rows: Tensor) -> Tensor:
    """Orthonormalise rows (n, k, d)."""
    return torch.linalg.qr(_where_solved(rows.transpose(1, 2)))[0].to(rows).transpose(1, 2)


def _where_solved(matrix: Tensor) -> Tensor:
    """Return a matrix where torch can factorise it: not on Apple's GPUs."""
    return matrix.cpu() if matrix.device.type == "mps" else matrix
