"""`bayes:glyphs`: the exact Bayes classifier of the data `glyphs`.

An image of glyphs determines its latents, so that p(y|x) is that of its class coordinate t.
"""

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import generator_of
from offmanifold.data.distractor import letter
from offmanifold.data.glyph_rendering import (
    REACH,
    SIDE,
    glyph_splines,
    render,
    render_with_jacobian,
)
from offmanifold.data.glyphs import PAIR, TAU
from offmanifold.models.network import Network, Wanted

KNOWN, STARTS = 4096, 2  # images of the manifold; the nearest of them are where to start
SEARCH, POLISH = 8, 6  # steps from every start in float32, then from the best in float64
CHUNK = 32  # images at a time: fits the cache
NUDGE = 1e-4  # of central differences, in parts of a latent's reach


class GlyphsBayes(nn.Module):
    """Images (n, 1, 28, 28) → logits (n, 2), (0, t/TAU) at the nearest point of the manifold.

    It is found by a fixed number of Levenberg–Marquardt steps within the latents' reach. On the
    manifold the softmax is p(y|x); off it, this is the limit for little noise of the Bayes
    classifier of noisy images, and constant where t ends.

    The input gradient is that of the projection, dz/dx = (JᵀJ − Σ rᵢ∇²fᵢ)⁻¹Jᵀ with r the residual
    (implicit function theorem), so it lies in the tangent space at the nearest point. There is no
    second derivative. Parameters are the splines, which shuffled make the untrained control.
    """

    def __init__(self, pair: str = PAIR):
        super().__init__()
        splines = glyph_splines(pair)
        u = 2 * torch.rand(KNOWN, len(REACH), generator=generator_of("glyphs bayes")) - 1
        reach = torch.tensor(REACH)
        known = torch.cat([render(splines.float(), z) for z in (u * reach).split(CHUNK)])
        self.splines = nn.Parameter(splines, requires_grad=False)
        self.register_buffer("reach", torch.tensor(REACH, dtype=torch.double), persistent=False)
        self.register_buffer("known", known.flatten(1), persistent=False)
        self.register_buffer("known_at", u, persistent=False)
        self.reach: Tensor
        self.known: Tensor
        self.known_at: Tensor

    def forward(self, x: Tensor) -> Tensor:
        t = torch.cat([self._class_coordinate(part) for part in x.split(CHUNK)])
        return torch.stack([torch.zeros_like(t), t / TAU], 1).to(x.dtype)

    def latents(self, x: Tensor) -> Tensor:
        """Return z (n, 7) float64 of the nearest points of the manifold, without a gradient."""
        with torch.no_grad():
            parts = x.flatten(1).double().split(CHUNK)
            return torch.cat([self._nearest(part) for part in parts]) * self.reach

    def _class_coordinate(self, x: Tensor) -> Tensor:
        """Return t (n,), differentiable with respect to the images."""
        x = x.flatten(1).double()
        at = x.detach()
        wanted = x.requires_grad and torch.is_grad_enabled()
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            u = self._nearest(at)
            slope = self._slope(at, u) if wanted else torch.zeros_like(at)
        return self.reach[0] * (u[:, 0] + (slope * (x - at)).sum(1))

    def _nearest(self, x: Tensor) -> Tensor:
        """Return u (n, 7), latents in parts of their reach, of the points nearest to x (n, d)."""
        coarse = x.float()
        likeness = coarse @ self.known.T - self.known.square().sum(1) / 2
        start = self.known_at[likeness.topk(STARTS).indices].flatten(0, 1)
        u, error = self._descend(coarse.repeat_interleave(STARTS, 0), start, SEARCH)
        best = error.view(-1, STARTS).argmin(1) + STARTS * torch.arange(len(x), device=x.device)
        return self._descend(x, u[best].double(), POLISH)[0]

    def _descend(self, x: Tensor, u: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Return u (n, 7) after some steps that lessen ‖x − f(u)‖², and that (n,)."""
        state = (u, *self._normal(x, u))
        damping = torch.full_like(x[:, 0], 1e-2)
        for _ in range(steps):
            u, error, down, gram = state
            damped = gram + torch.diag_embed(damping[:, None] * gram.diagonal(dim1=1, dim2=2))
            u = (u + _solve(damped, down, _free(u, down))).clamp(-1, 1)
            after = (u, *self._normal(x, u))
            better = after[1] < error
            state = tuple(
                new.where(better.view(-1, *[1] * (new.ndim - 1)), old)
                for new, old in zip(after, state, strict=True)
            )
            damping = torch.where(better, damping / 10, damping * 8)
        return state[0], state[1]

    def _slope(self, x: Tensor, u: Tensor) -> Tensor:
        """Return du₀/dx (n, d) at the nearest points."""
        f, jacobian = self._model(u)
        r = (x - f)[:, :, None]
        bent = []  # Σ rᵢ∇²fᵢ
        for nudge in NUDGE * torch.eye(u.shape[1]).to(u):
            change = self._model(u + nudge)[1] - self._model(u - nudge)[1]
            bent.append(change @ r / (2 * NUDGE))
        gram = jacobian @ jacobian.transpose(1, 2)
        free = _free(u, (jacobian @ r)[:, :, 0])
        hessian = gram - torch.cat(bent, 2)
        convex = torch.linalg.cholesky_ex(_held(hessian, free))[1] == 0
        first = torch.eye(u.shape[1]).to(u)[:1].expand_as(u)
        row = _solve(hessian.where(convex[:, None, None], gram), first, free)
        return (row[:, None] @ jacobian)[:, 0]

    def _normal(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ‖r‖² (n,), Jᵀr (n, 7), which points down, and JᵀJ (n, 7, 7) at u for x (n, d)."""
        f, jacobian = self._model(u)
        r = x - f
        down = (jacobian @ r[:, :, None])[:, :, 0]
        return r.square().sum(1), down, jacobian @ jacobian.transpose(1, 2)

    def _model(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return f (n, d) and Jᵀ (n, 7, d) in the precision of u."""
        reach = self.reach.to(u)
        f, jacobian = render_with_jacobian(self.splines.to(u), u * reach)
        return f, jacobian * reach[:, None]


class BesideDistractor(nn.Module):
    """A classifier of (n, 1, h, w) for images (n, 1, 2h, w) with a letter in one half."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net
        self.register_buffer("letter", letter(SIDE, SIDE), persistent=False)
        self.letter: Tensor

    def forward(self, x: Tensor) -> Tensor:
        top, bottom = x.chunk(2, dim=2)
        away = [(half - self.letter).flatten(1).square().sum(1) for half in (top, bottom)]
        return self.net(torch.where((away[0] > away[1])[:, None, None, None], top, bottom))


def _free(u: Tensor, down: Tensor) -> Tensor:
    """Return which latents (n, 7) may move: those that are not pushed over an end of their reach.

    down: the direction of the push.
    """
    return (u.abs() < 1) | (u * down < 0)


def _held(a: Tensor, free: Tensor) -> Tensor:
    """Return matrices a (n, 7, 7) with the rows and columns of held latents those of identity."""
    eye = torch.eye(a.shape[1]).to(a)
    return torch.where(free[:, :, None] & free[:, None], a + 1e-9 * eye, eye)


def _solve(a: Tensor, b: Tensor, free: Tensor) -> Tensor:
    """Return a⁻¹b (n, 7) over the free latents, 0 for the held ones."""
    return torch.linalg.solve(_held(a, free), b * free)


def bayes_network(rest: str, wanted: Wanted) -> Network:
    """Make `bayes:glyphs` of the data's two characters, or `bayes:glyphs:AB` of A and B."""
    data, _, pair = rest.partition(":")
    if data != "glyphs":
        raise InputError(f'the Bayes classifier of "{rest}" is not known; there is "bayes:glyphs"')
    beside = (1, 2 * SIDE, SIDE)
    if wanted.shape not in (None, beside, (1, SIDE, SIDE)):
        raise InputError(
            f"bayes:glyphs classifies images of glyphs, {SIDE}×{SIDE} and grey, or of "
            f"distractor:glyphs, and not images of shape {wanted.shape}"
        )
    classes = tuple(pair) or wanted.classes or tuple(PAIR)
    net = GlyphsBayes("".join(classes))
    module = BesideDistractor(net) if wanted.shape == beside else net
    return Network(module, classes=classes, input_shape=wanted.shape)
