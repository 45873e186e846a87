"""A black-box attack by random squares, which sees logits alone."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness, uniform, uniform_like
from offmanifold.attacks.balls import ball_of, check_eps, l2_norms
from offmanifold.attacks.base import attacks, misclassified, to_attack
from offmanifold.attacks.losses import check_labels, margin

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of the area, in 10,000 queries
TILES = 5  # a side, at the start in l2


@attacks.register("square")
@dataclass(frozen=True)
class Square:
    """Andriushchenko et al. 2020: change a random square, and keep it where the margin rises.

    In l∞ (their Algorithm 2) a square of ±eps; in l2 (Algorithm 3) a bump that takes over the
    change of two windows. It needs no gradient, and so finds what a masked one hides. An image
    that is misclassified, judged in float32, is finished. Cost: at most `queries` + 1 forward
    passes.

    Attributes:
        eps: radius, in the norm of each image, pixels in [0, 1].
        norm: of the ball: l2 or linf.
        queries: forward passes an image.
        area: share of the pixels in the first squares, which shrink as queries are used up.
        box: stay in [0, 1].
    """

    name: ClassVar[str]
    eps: float = 1.0
    norm: str = "l2"
    queries: int = 5000
    area: float = 0.8
    box: bool = True

    def __post_init__(self):
        ball_of(self.norm)
        check_eps(self.eps, "square")
        if self.queries < 1:
            raise InputError(f"square needs at least one query, not {self.queries}")
        if not 0 < self.area <= 1:
            raise InputError(f"square's area is a share above 0 and at most 1, not {self.area}")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Tensor:
        """Return x′ (n, c, h, w) with norm(x′ − x) ≤ eps for every image; y: (n,) labels.

        Raises InputError for images outside [0, 1], and for labels the model does not have.
        """
        x = to_attack(x)
        n, c, h, w = x.shape
        squares, ball = SQUARES[self.norm], ball_of(self.norm)
        first = uniform_like(x, generator)
        draws = uniform(n, (self.queries, 5 + c), generator)
        result = ball.project(x, x + squares.start(first, self.eps), self.eps, box=self.box)
        left = torch.arange(n, device=x.device)
        with frozen(model), torch.no_grad():
            logits = at_least_float32(model(result))
            check_labels(logits, y)
            highest = margin(logits, y)
            for query in range(self.queries):
                left = left[~_won(model, result, highest, y, left)]
                if not len(left):
                    break
                side = self.side(query, h, w)
                delta = result[left] - x[left]
                delta = squares.propose(
                    delta, draws[left.to(draws.device), query].to(x), side, self.eps
                )
                moved = ball.project(x[left], x[left] + delta, self.eps, box=self.box)
                rise = margin(at_least_float32(model(moved)), y[left])
                better = rise > highest[left]
                result[left[better]], highest[left[better]] = moved[better], rise[better]
        return result

    def side(self, query: int, h: int, w: int) -> int:
        """Return the side of the squares at a query, in pixels."""
        halved = sum(10_000 * query > at * self.queries for at in HALVINGS)
        side = round((self.area / 2**halved * h * w) ** 0.5)
        return min(max(side, SQUARES[self.norm].least_side), h, w)


def _won(model: nn.Module, moved: Tensor, margins: Tensor, y: Tensor, left: Tensor) -> Tensor:
    """Return which of the images left are misclassified."""
    won = margins[left] > 0
    if won.any():
        rows = left[won]
        won[won.clone()] = misclassified(model, moved[rows], y[rows])
    return won


class Squares(Protocol):
    """How one norm begins and goes on. u: (n, c, h, w), draw: (m, 5 + c), both U[0, 1)."""

    least_side: int

    def start(self, u: Tensor, eps: float) -> Tensor:
        """Return the first change (n, c, h, w)."""
        ...

    def propose(self, delta: Tensor, draw: Tensor, side: int, eps: float) -> Tensor:
        """Return another change than delta (m, c, h, w)."""
        ...


class LinfSquares:
    """Vertical stripes of ±eps; then squares of ±eps."""

    least_side = 1

    def start(self, u: Tensor, eps: float) -> Tensor:
        return (eps * _sign(u[:, :, :1])).expand_as(u)

    def propose(self, delta: Tensor, draw: Tensor, side: int, eps: float) -> Tensor:
        window = _Window.at(draw[:, 0:2], side, delta)
        return window.put(delta, eps * _sign(draw[:, 5:])[:, :, None, None])


class L2Squares:
    """A grid of bumps; then a bump that takes over the energy of two windows."""

    least_side = 3

    def start(self, u: Tensor, eps: float) -> Tensor:
        _, _, h, w = u.shape
        side = max(1, min(h, w) // TILES)
        rows, columns = h // side, w // side
        signs = _sign(u[:, :, :rows, :columns])
        delta = torch.zeros_like(u)
        top, left = (h - rows * side) // 2, (w - columns * side) // 2
        tiled = bump(side).to(u).repeat(rows, columns)
        signs = signs.repeat_interleave(side, 2).repeat_interleave(side, 3)
        delta[:, :, top : top + rows * side, left : left + columns * side] = tiled * signs
        return eps * delta / l2_norms(delta)

    def propose(self, delta: Tensor, draw: Tensor, side: int, eps: float) -> Tensor:
        one, two = (_Window.at(draw[:, i : i + 2], side, delta) for i in (0, 2))
        shape = bump(side).to(delta)
        shape = torch.where(draw[:, 4, None, None] < 0.5, shape, shape.T)[:, None]
        new = _sign(draw[:, 5:])[:, :, None, None] * shape
        old = one.take(delta)
        new = new + old / old.norm(dim=(2, 3), keepdim=True).clamp(min=1e-12)
        free = (eps**2 - l2_norms(delta).square()).clamp(min=0) / delta.shape[1]
        rest = two.put(one.put(delta, 0.0), 0.0)
        taken = (delta.square() - rest.square()).sum((2, 3), keepdim=True).clamp(min=0)
        new = new / new.norm(dim=(2, 3), keepdim=True).clamp(min=1e-12) * (free + taken).sqrt()
        delta = one.put(rest, new)
        return eps * delta / l2_norms(delta).clamp(min=1e-12)


SQUARES: dict[str, Squares] = {"l2": L2Squares(), "linf": LinfSquares()}


@dataclass(frozen=True)
class _Window:
    """A square of pixels of each image, at a place of its own."""

    rows: Tensor  # (m, 1, side, 1)
    columns: Tensor  # (m, 1, 1, side)

    @classmethod
    def at(cls, draw: Tensor, side: int, like: Tensor) -> "_Window":
        """Return windows at random places; draw: (m, 2) in [0, 1)."""
        room = torch.tensor([like.shape[2] - side + 1, like.shape[3] - side + 1]).to(draw)
        corner = torch.minimum((draw * room).floor(), room - 1).long()
        reach = torch.arange(side, device=like.device)
        row, column = corner[:, 0, None] + reach, corner[:, 1, None] + reach
        return cls(row[:, None, :, None], column[:, None, None, :])

    def _places(self, like: Tensor) -> tuple[Tensor, ...]:
        m, c = like.shape[:2]
        images = torch.arange(m, device=like.device)[:, None, None, None]
        channels = torch.arange(c, device=like.device)[None, :, None, None]
        return images, channels, self.rows, self.columns

    def take(self, delta: Tensor) -> Tensor:
        """Return the pixels in the windows, (m, c, side, side)."""
        return delta[self._places(delta)]

    def put(self, delta: Tensor, values: Tensor | float) -> Tensor:
        """Return delta with the pixels in the windows replaced."""
        delta = delta.clone()
        places = self._places(delta)
        delta[places] = torch.as_tensor(values).to(delta).expand_as(delta[places])
        return delta


def bump(side: int) -> Tensor:
    """Return the change η of Algorithm 3, (side, side) of l2 norm 1: two opposite halves.

    A half is highest in its centre: its value is Σ 1/(j + 1)² over the squares of half-width j,
    centred there, that hold the pixel.
    """
    upper = side // 2
    halves = [_hill(upper, side), -_hill(side - upper, side)]
    both = torch.cat(halves)
    return both / both.norm()


def _hill(h: int, w: int) -> Tensor:
    if h == 0:
        return torch.zeros(0, w)
    steps = max(h // 2, w // 2) + 1
    heights = (1 / torch.arange(1, steps + 1).square()).flip(0).cumsum(0).flip(0)
    rows, columns = (torch.arange(h) - h // 2).abs(), (torch.arange(w) - w // 2).abs()
    hill = heights[torch.maximum(rows[:, None], columns[None])]
    return hill / hill.norm()


def _sign(u: Tensor) -> Tensor:
    return torch.where(u < 0.5, -1.0, 1.0).to(u)
