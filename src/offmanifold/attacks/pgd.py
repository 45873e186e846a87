"""Projected gradient ascent on the loss, per image in a ball."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness
from offmanifold.attacks.balls import ball_of, check_eps
from offmanifold.attacks.base import attacks, to_attack
from offmanifold.attacks.losses import Goal, check_labels, log_odds_against


@attacks.register("pgd")
@dataclass(frozen=True)
class PGD:
    """Madry et al. 2018, with the norm of each image: x ← Π(x + step · steepest(∇ℓ)).

    The steepest step is ∇ℓ/‖∇ℓ‖₂ in l2 and sign ∇ℓ in l∞. Runs in the caller's autocast region;
    ball and box are computed in the precision of x. Cost: `steps` forward and backward passes to
    the input per restart.

    Attributes:
        eps: radius, in the norm of each image, pixels in [0, 1].
        norm: of the ball: l2 or linf.
        steps: ascent steps.
        step_size: norm of a step; 2.5·eps/steps if None.
        restarts: runs from random starts in the ball; each image keeps the highest loss.
        keep_best: keep the iterate of highest loss, not the last (one forward pass more).
        box: stay in [0, 1].
    """

    name: ClassVar[str]
    eps: float = 1.0
    norm: str = "l2"
    steps: int = 10
    step_size: float | None = None
    restarts: int = 1
    keep_best: bool = True
    box: bool = True

    def __post_init__(self):
        ball_of(self.norm)
        check_eps(self.eps, "pgd")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise InputError(f"pgd needs a finite step_size > 0, not {self.step_size}")
        if self.steps < 1 or self.restarts < 1:
            raise InputError("pgd needs at least one step and one restart")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Tensor:
        """Return x′ (n, c, h, w) with norm(x′ − x) ≤ eps for every image; y: (n,) labels.

        Raises InputError for images outside [0, 1], and for labels the model does not have.
        """
        unchecked = [True]

        def loss(logits: Tensor) -> Tensor:
            if unchecked:
                check_labels(logits, y)
                unchecked.clear()
            return log_odds_against(logits, y)

        return self.maximise(model, x, loss, generator=generator)

    def maximise(self, model: nn.Module, x: Tensor, loss: Goal, *, generator: Randomness) -> Tensor:
        """Return x′ within the ball where loss(model(x′)) is high; loss: (n, k) → (n,).

        Raises InputError for images outside [0, 1].
        """
        x = to_attack(x)
        with frozen(model), torch.enable_grad():
            best, best_loss = self._run(model, x, loss, generator)
            for _ in range(self.restarts - 1):
                other, other_loss = self._run(model, x, loss, generator)
                best, best_loss = _keep(best, best_loss, other, other_loss)
        return best.detach()

    def _run(
        self, model: nn.Module, x: Tensor, loss: Goal, generator: Randomness
    ) -> tuple[Tensor, Tensor]:
        ball = ball_of(self.norm)
        step = 2.5 * self.eps / self.steps if self.step_size is None else self.step_size
        moved = ball.start(x, self.eps, generator, box=self.box)
        best, best_loss = moved, torch.full_like(x[:, 0, 0, 0], -torch.inf)
        for _ in range(self.steps):
            moved = moved.detach().requires_grad_()
            values = loss(at_least_float32(model(moved)))
            (gradient,) = torch.autograd.grad(values.sum(), moved)
            if self.keep_best:
                best, best_loss = _keep(best, best_loss, moved.detach(), values.detach())
            moved = moved.detach() + step * ball.steepest(gradient)
            moved = ball.project(x, moved, self.eps, box=self.box)
        if not self.keep_best and self.restarts == 1:
            return moved, best_loss
        with torch.no_grad():
            values = loss(at_least_float32(model(moved)))
        return _keep(best, best_loss, moved, values) if self.keep_best else (moved, values)


def _keep(best: Tensor, best_loss: Tensor, new: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    higher = loss > best_loss
    chosen = torch.where(higher[:, None, None, None], new, best)
    return chosen, torch.where(higher, loss, best_loss)
