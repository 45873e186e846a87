"""Projected gradient ascent on the loss, per image in an l2 ball."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.attacks.base import attacks, l2_norms, project_l2
from offmanifold.errors import InputError
from offmanifold.freezing import frozen
from offmanifold.precision import at_least_float32
from offmanifold.randomness import ImageNoise, normal_like


@attacks.register("pgd")
@dataclass(frozen=True)
class PGD:
    """Madry et al. 2018, with the l2 norm of each image: x ← Π(x + step · ∇ℓ/‖∇ℓ‖₂).

    Runs in the caller's autocast region; ball and box are computed in the precision of x. Cost:
    `steps` forward and backward passes to the input per restart.

    Attributes:
        eps: radius, l2 norm per image in [0, 1] pixels.
        norm: of the ball; l2 alone is known.
        steps: ascent steps.
        step_size: l2 norm of a step; 2.5·eps/steps if None.
        restarts: runs from random starts in the ball; each image keeps the highest loss.
        keep_best: keep the iterate of highest loss, not the last (one forward pass more).
        box: stay in [0, 1].
    """

    eps: float = 1.0
    norm: str = "l2"
    steps: int = 10
    step_size: float | None = None
    restarts: int = 1
    keep_best: bool = True
    box: bool = True

    def __post_init__(self):
        if self.norm != "l2":
            raise InputError(f'unknown norm "{self.norm}" for pgd; known: l2')
        if not 0 < self.eps < math.inf:
            raise InputError(f"pgd needs a finite eps > 0 (an l2 norm per image), not {self.eps}")
        if self.step_size is not None and not 0 < self.step_size < math.inf:
            raise InputError(f"pgd needs a finite step_size > 0, not {self.step_size}")
        if self.steps < 1 or self.restarts < 1:
            raise InputError("pgd needs at least one step and one restart")

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator | ImageNoise
    ) -> Tensor:
        """Return x′ (n, c, h, w) with ‖x′ − x‖₂ ≤ eps for every image; y: (n,) labels."""
        x = x.detach()
        with frozen(model), torch.enable_grad():
            best, best_loss = self._run(model, x, y, generator)
            for _ in range(self.restarts - 1):
                other, loss = self._run(model, x, y, generator)
                better = loss > best_loss
                best = torch.where(better[:, None, None, None], other, best)
                best_loss = torch.where(better, loss, best_loss)
        return best.detach()

    def _run(
        self, model: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator | ImageNoise
    ) -> tuple[Tensor, Tensor]:
        step = 2.5 * self.eps / self.steps if self.step_size is None else self.step_size
        start = normal_like(x, generator)
        # In many dimensions a uniform draw from the ball lies at its surface.
        moved = project_l2(x, x + self.eps * start / l2_norms(start), self.eps, box=self.box)
        best, best_loss = moved, torch.full_like(x[:, 0, 0, 0], -torch.inf)
        for _ in range(self.steps):
            moved = moved.detach().requires_grad_()
            loss = F.cross_entropy(at_least_float32(model(moved)), y, reduction="none")
            (gradient,) = torch.autograd.grad(loss.sum(), moved)
            if self.keep_best:
                best, best_loss = _keep(best, best_loss, moved.detach(), loss.detach())
            direction = gradient / l2_norms(gradient).clamp(min=1e-12)
            moved = project_l2(x, moved.detach() + step * direction, self.eps, box=self.box)
        if not self.keep_best and self.restarts == 1:
            return moved, best_loss
        with torch.no_grad():
            loss = F.cross_entropy(at_least_float32(model(moved)), y, reduction="none")
        return _keep(best, best_loss, moved, loss) if self.keep_best else (moved, loss)


def _keep(best: Tensor, best_loss: Tensor, new: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    higher = loss > best_loss
    chosen = torch.where(higher[:, None, None, None], new, best)
    return chosen, torch.where(higher, loss, best_loss)
