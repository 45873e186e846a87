"""Data whose score, tangent and posterior are known in closed form: one Gaussian a class."""

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import ManifoldCard, TweedieManifold
from offmanifold.measures.probe import Probe, Scene, Settings

SHAPE = (1, 4, 5)
D = 20


def rotated(d: int, seed: int = 0) -> Tensor:
    """Return an orthonormal basis (d, d), its vectors in columns."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, d, dtype=torch.double, generator=generator))[0]


def covariance(variances: Tensor, seed: int = 0) -> Tensor:
    """Return C (d, d) with these eigenvalues in a rotated basis."""
    v = rotated(len(variances), seed)
    return v @ variances.double().diag() @ v.T


class GaussianManifold(TweedieManifold):
    """D(x̃; σ | y) = E[x₀ | x̃, y] of equally likely classes N(μ_y, C), computed in float64.

    means: (k, d), one row a class. The card has the true tr J as its dimension.
    """

    def __init__(
        self,
        means: Tensor,
        c: Tensor,
        shape: tuple[int, int, int] = SHAPE,
        sigma: float | None = 0.25,
    ):
        super().__init__()
        self.means, self.c = means.double(), c.double()
        self.gains: dict[float, Tensor] = {}
        names = tuple(f"class {i}" for i in range(len(means)))
        k = None if sigma is None else float(self.gain(sigma).trace())
        self.card = ManifoldCard("exact", "0" * 12, shape, names, sigma=sigma, dimension=k)

    def gain(self, sigma: float) -> Tensor:
        """Return C(C + σ²I)⁻¹ (d, d): the Jacobian within a class."""
        if sigma not in self.gains:
            eye = torch.eye(len(self.c))
            self.gains[sigma] = torch.linalg.solve(self.c + sigma**2 * eye, self.c)
        return self.gains[sigma]

    def log_posterior(self, noisy: Tensor, sigma: float) -> Tensor:
        """Return log p_σ(y | x̃) (n, k) of flat images (n, d)."""
        precision = torch.linalg.inv(self.c + sigma**2 * torch.eye(len(self.c)))
        away = noisy.double()[:, None] - self.means
        return (-0.5 * torch.einsum("nkd,de,nke->nk", away, precision, away)).log_softmax(1)

    def denoise(self, noisy, y, sigma):
        if isinstance(sigma, Tensor) and sigma.dim():
            labels = [None] * len(noisy) if y is None else y.split(1)
            each = zip(noisy.split(1), labels, sigma.tolist(), strict=True)
            return torch.cat([self.denoise(*one) for one in each])
        flat = noisy.flatten(1).double()
        gain = self.gain(float(sigma))
        each = self.means + (flat[:, None] - self.means) @ gain  # (n, k, d), the gain is symmetric
        if len(self.means) == 1:
            mean = each[:, 0]
        elif y is None:
            mean = (self.log_posterior(flat, float(sigma)).exp()[:, :, None] * each).sum(1)
        else:
            mean = each[torch.arange(len(flat)), y]
        return mean.reshape(noisy.shape).to(noisy.dtype)


def subspace_manifold(k: int, scale: float = 10.0, mean: float = 0.5) -> GaussianManifold:
    """Return a manifold whose tangent is the span of the first k columns of `rotated(D)`."""
    variances = torch.zeros(D)
    variances[:k] = scale**2
    return GaussianManifold(torch.full((1, D), mean), covariance(variances))


class Linear(nn.Module):
    """Logits W x + b."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None):
        super().__init__()
        k, d = weight.shape
        self.linear = nn.Linear(d, k)
        with torch.no_grad():
            self.linear.weight.copy_(weight)
            self.linear.bias.copy_(torch.zeros(k) if bias is None else bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))


class SquaredDistance(nn.Module):
    """In place of LPIPS: the mean squared difference (n, 1, 1, 1)."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().mean((1, 2, 3), keepdim=True)


def images(n: int = 12, classes: int = 3, shape: tuple[int, int, int] = SHAPE) -> Split:
    """Return n random images with labels 0, 1, 2, 0, 1, …"""
    x = np.random.default_rng(0).random((n, *shape), dtype=np.float32)
    source = ArraySource(x, np.arange(n) % classes, [f"{i}.png" for i in range(n)])
    return Split(source, np.arange(n), tuple(f"class {i}" for i in range(classes)))


def data_of(x: Tensor, held_out: int) -> Data:
    """Return images (n, c, h, w) without labels, the last 2·held_out for choosing and judging."""
    n = len(x)
    source = ArraySource(x.float().numpy(), None, [f"{i}.png" for i in range(n)])
    bounds = ((0, n - 2 * held_out), (n - 2 * held_out, n - held_out), (n - held_out, n))
    return Data(*(Split(source, np.arange(*b)) for b in bounds))


def subspace_data(k: int, n: int, held_out: int, scale: float = 0.2) -> Data:
    """Return images .5 + Vu, V the first k columns of `rotated(D)`, u ~ N(0, scale² I)."""
    generator = torch.Generator().manual_seed(0)
    u = scale * torch.randn(n, k, generator=generator, dtype=torch.double)
    return data_of((0.5 + u @ rotated(D)[:, :k].T).reshape(n, *SHAPE), held_out)


def probe_of(
    model: nn.Module,
    manifold: TweedieManifold | None = None,
    split: Split | None = None,
    rows: list[int] | None = None,
    shuffled: tuple[nn.Module, ...] = (),
    temperature: float = 1.0,
    second: TweedieManifold | None = None,
    randomised: nn.Module | None = None,
    perceptual: nn.Module | None = None,
    **settings,
) -> Probe:
    """Return a probe of some images (all by default) of a split.

    second: the manifold itself by default. The fake manifolds are the first five pixels, and LPIPS
    is `SquaredDistance` by default.
    """
    split = images() if split is None else split
    batch = split.read(split.rows if rows is None else np.array(rows))
    means = None if batch.y is None else split.class_means
    pixels = torch.eye(5, batch.x[0].numel())
    fakes = {"low_pass": pixels, "global_pca": pixels}
    other = manifold if second is None else second
    scene = Scene(
        *(batch, split, manifold, means, Settings(**settings), other, fakes),
        mean=split.mean,
        perceptual=SquaredDistance() if perceptual is None else perceptual,
    )
    return Probe(scene, model, temperature, shuffled, randomised)
