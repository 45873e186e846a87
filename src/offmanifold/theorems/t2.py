"""Theorem 2: the Bayes-optimal classifier is off-manifold robust, if the classes share a manifold.

Srinivas, Bordt, Lakkaraju 2023, by Tweedie's formula:
∇log p_σ(y|x̃) = (E[x₀|x̃,y] − E[x₀|x̃])/σ², a difference of two points of the (linear) manifold.
Limits: where each class has a manifold of its own, part of the gradient is normal to that of the
true class (it stays in the span of all); the unconditional score is nearly all normal in any case.
A distractor that is independent of signal and class gets no gradient at all.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from offmanifold.theorems.base import Claim, Draws, share_off

D, K, CLASSES, POINTS = 300, 20, 5, 1000
LEAST_DOUBT = 1e-3  # 1 − p_y below which a gradient is rounding
NAME = "T2"


@dataclass(frozen=True)
class Classes:
    """Equally likely classes N(means_y, V_y V_yᵀ). means: (k, d). frames: (k, d, m)."""

    means: Tensor
    frames: Tensor

    def draw(self, g: Draws, n: int, sigma: float) -> tuple[Tensor, Tensor]:
        """Return x̃ (n, d) = x₀ + σz and labels (n,)."""
        y = g.choice(n, len(self.means))
        along = self.frames[y] @ g.normal(n, self.frames.shape[2], 1)
        x = self.means[y] + along[:, :, 0]
        return x + sigma * g.normal(*x.shape), y

    def expected(self, noisy: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Return E[x₀ | x̃, y] (n, k, d) and log p_σ(y | x̃) (n, k)."""
        away = noisy[:, None] - self.means
        inside = torch.einsum("kdm,nkm->nkd", self.frames, _along(away, self.frames))
        outside = (away - inside).square().sum(2)
        energy = inside.square().sum(2) / (1 + sigma**2) + outside / sigma**2
        return self.means + inside / (1 + sigma**2), (-energy / 2).log_softmax(1)

    def gradient(self, noisy: Tensor, y: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return ∇log p_σ(y|x̃), the score ∇log p_σ(x̃), and where 1 − p_y ≥ LEAST_DOUBT."""
        each, log_p = self.expected(noisy, sigma)
        mean = (log_p.exp()[:, :, None] * each).sum(1)
        rows = torch.arange(len(y))
        doubt = -torch.expm1(log_p[rows, y]) >= LEAST_DOUBT
        return (each[rows, y] - mean) / sigma**2, (mean - noisy) / sigma**2, doubt


def _along(away: Tensor, frames: Tensor) -> Tensor:
    return torch.einsum("kdm,nkd->nkm", frames, away)


def shared_subspace(g: Draws) -> Classes:
    """Return classes with one V and |μ_y| = 1 in V."""
    frame = g.frame(D, K)
    means = g.normal(CLASSES, K)
    means = means / means.norm(dim=1, keepdim=True)
    return Classes(means @ frame.T, frame.expand(CLASSES, -1, -1))


def own_subspaces(g: Draws) -> Classes:
    """Return classes with a V_y each, all with mean zero."""
    frames = torch.stack([g.frame(D, K) for _ in range(CLASSES)])
    return Classes(torch.zeros(CLASSES, D, dtype=torch.float64), frames)


def check_t2(seed: int = 0) -> list[Claim]:
    """Return the claims on a shared subspace, on subspaces of their own, and on a distractor."""
    g = Draws(seed)
    shared, own = shared_subspace(g), own_subspaces(g)
    off, normal = [], []
    for sigma in (0.1, 0.3, 1.0, 3.0):
        noisy, y = shared.draw(g, POINTS, sigma)
        gradient, _, doubt = shared.gradient(noisy, y, sigma)
        off.append(float(share_off(gradient[doubt], shared.frames[0]).max()))
    for sigma in (0.05, 0.1, 0.25):
        noisy, y = shared.draw(g, POINTS, sigma)
        score = shared.gradient(noisy, y, sigma)[1]
        normal.append(float(share_off(score, shared.frames[0]).mean()))
    noisy, y = own.draw(g, POINTS, 1.0)
    gradient, _, doubt = own.gradient(noisy, y, 1.0)
    outside_own = share_off(gradient[doubt], own.frames[y[doubt]])
    span = torch.linalg.qr(own.frames.permute(1, 0, 2).reshape(D, -1))[0]
    outside_all = share_off(gradient[doubt], span)
    return [
        Claim(NAME, "one manifold: energy of ∇log p(y|x̃) off it, σ .1 to 3", max(off), 1e-20),
        Claim(
            NAME,
            "one manifold: share of the unconditional score normal to it, σ ≤ .25",
            min(normal),
            0.99,
            "be at least",
        ),
        Claim(
            NAME,
            "counter-example, a manifold a class: mean energy off that of the true class",
            float(outside_own.mean()),
            0.2,
            "be at least",
        ),
        Claim(
            NAME, "the same: energy off the span of all manifolds", float(outside_all.max()), 1e-20
        ),
        Claim(
            NAME,
            "independent distractor: energy of ∇log p(y|x) on it",
            distractor_share(seed, 0.0),
            1e-12,
        ),
        Claim(
            NAME,
            "counter-example, a distractor that depends on y: energy on it",
            distractor_share(seed, 0.5),
            0.01,
            "be at least",
        ),
    ]


def distractor_share(seed: int, dependence: float, n: int = 200) -> float:
    """Return the share of the energy of ∇log p(y|x), x = (s, r), on a distractor r beside a signal.

    s|y ~ N(μ_y, I), r a mixture of two Gaussians, moved by dependence · ν_y. By autodiff through
    the joint density p(y) p(s|y) p(r|y).
    """
    g = Draws(seed)
    ds, dr = 10, 15
    mu, nu, modes = g.normal(CLASSES, ds), g.normal(CLASSES, dr), 2 * g.normal(2, dr)
    y = g.choice(n, CLASSES)
    s = mu[y] + g.normal(n, ds)
    r = modes[g.choice(n, 2)] + dependence * nu[y] + g.normal(n, dr)
    x = torch.cat([s, r], 1).requires_grad_()
    signal, distractor = x[:, None, :ds], x[:, None, ds:]
    of_signal = -(signal - mu).square().sum(2) / 2
    centres = modes[:, None] + dependence * nu  # (modes, classes, dr)
    of_distractor = (-(distractor[:, None] - centres).square().sum(3) / 2).logsumexp(1)
    log_p = (of_signal + of_distractor).log_softmax(1)[torch.arange(n), y]
    (gradient,) = torch.autograd.grad(log_p.sum(), x)
    return float(gradient[:, ds:].square().sum() / gradient.square().sum())
