"""Auto-PGD: projected ascent that finds its own step size."""

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness
from offmanifold.attacks.balls import Radius, ball_of, check_eps
from offmanifold.attacks.base import attacks, misclassified, to_attack
from offmanifold.attacks.losses import check_labels, loss_of, targeted

MOMENTUM = 0.75  # α, and
RISING = 0.75  # ρ: the step is halved where less than this share of the steps raised the loss


@attacks.register("apgd")
@dataclass(frozen=True)
class APGD:
    """Croce & Hein 2020, Algorithm 1, each image with a step size of its own.

    x⁺ = Π(x + α(Π(x + η·steepest(∇ℓ)) − x) + (1 − α)(x − x⁻)), from η = 2·eps; at checkpoints η is
    halved, and the image begins again from its best iterate, where the loss no longer rises. An
    image that is misclassified, judged in float32, is finished. Runs in the caller's autocast
    region. Cost: at most `steps` forward and backward passes to the input per run.

    Attributes:
        eps: radius, in the norm of each image, pixels in [0, 1].
        norm: of the ball: l2 or linf.
        steps: ascent steps a run.
        loss: what rises: cross_entropy, margin, or dlr (3 classes or more).
        targets: if above 0, one run towards each of so many of the classes that come next to the
            label, by the targeted form of dlr (with fewer than 4 classes of the margin) in the
            place of `loss`.
        restarts: runs from random starts in the ball, an image going on while it is right.
        box: stay in [0, 1].
    """

    name: ClassVar[str]
    eps: float = 1.0
    norm: str = "l2"
    steps: int = 100
    loss: str = "cross_entropy"
    targets: int = 0
    restarts: int = 1
    box: bool = True

    def __post_init__(self):
        ball_of(self.norm)
        loss_of(self.loss)
        check_eps(self.eps, "apgd")
        if self.steps < 1 or self.restarts < 1:
            raise InputError("apgd needs at least one step and one restart")
        if self.targets < 0:
            raise InputError(f"apgd needs 0 targets or more, not {self.targets}")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Tensor:
        """Return x′ with norm(x′ − x) ≤ eps: misclassified, or of the highest loss of any run."""
        return self.within(model, x, y, self.eps, generator=generator)

    def within(
        self, model: nn.Module, x: Tensor, y: Tensor, eps: Radius, *, generator: Randomness
    ) -> Tensor:
        """Attack with a radius of its own for each image; eps: (n, 1, 1, 1), or one for all.

        Raises InputError for images outside [0, 1], and for labels the model does not have.
        """
        x = to_attack(x)
        radius = torch.as_tensor(eps, dtype=x.dtype, device=x.device).expand(len(x), 1, 1, 1)
        with frozen(model), torch.enable_grad():
            with torch.no_grad():
                logits = at_least_float32(model(x))
            check_labels(logits, y)
            best, best_loss = x.clone(), torch.full_like(logits[:, 0], -torch.inf)
            left = torch.arange(len(x), device=x.device)
            for target in self._targets(logits, y):
                for _ in range(self.restarts):
                    # the start is drawn for all, so that an image's draws are its own
                    start = ball_of(self.norm).start(x, radius, generator, box=self.box)
                    if not len(left):
                        break
                    aim = None if target is None else target[left]
                    ascent = _Ascent(self, model, towards=aim is not None)
                    found, loss, won = ascent.run(x[left], y[left], radius[left], aim, start[left])
                    better = won | (loss > best_loss[left])
                    best[left[better]], best_loss[left[better]] = found[better], loss[better]
                    left = left[~won]
        return best

    def _targets(self, logits: Tensor, y: Tensor) -> list[Tensor | None]:
        """Return the classes (n,) aimed at, one a run; [None] for none in particular."""
        k = logits.shape[1]
        if not self.targets:
            return [None]
        others = logits.scatter(1, y[:, None], -torch.inf).argsort(1, descending=True)
        return [others[:, i] for i in range(min(self.targets, k - 1))]


@dataclass
class _Rows:
    """The images still right in a run, a row each in every tensor."""

    index: Tensor  # (m,) their places in the batch
    x: Tensor
    y: Tensor
    radius: Tensor
    target: Tensor
    now: Tensor
    before: Tensor
    best: Tensor
    loss: Tensor
    best_loss: Tensor
    gradient: Tensor
    best_gradient: Tensor
    suspect: Tensor  # misclassified in the caller's precision
    step: Tensor
    rises: Tensor
    halved: Tensor
    best_at_check: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def keep(self, chosen: Tensor) -> None:
        """Go on with the rows chosen, (m,) bool."""
        for column in fields(self):
            setattr(self, column.name, getattr(self, column.name)[chosen])


@dataclass(frozen=True)
class _Ascent:
    """One run: what it needs to know of the attack and the classifier."""

    attack: APGD
    model: nn.Module
    towards: bool  # a target class

    def run(
        self, x: Tensor, y: Tensor, radius: Tensor, target: Tensor | None, start: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what was found (n, c, h, w), its loss (n,), and whether it is misclassified."""
        target = y if target is None else target
        loss, gradient, suspect = self._evaluate(start, y, target)
        rows = _Rows(
            index=torch.arange(len(x), device=x.device),
            x=x,
            y=y,
            radius=radius,
            target=target,
            now=start,
            before=start,
            best=start,
            loss=loss,
            best_loss=loss,
            gradient=gradient,
            best_gradient=gradient,
            suspect=suspect,
            step=2 * radius,
            rises=torch.zeros_like(loss),
            halved=torch.ones_like(suspect),
            best_at_check=loss,
        )
        found, found_loss, won = x.clone(), loss.clone(), torch.zeros_like(suspect)
        self._retire(rows, found, found_loss, won)
        checks, since = _checkpoints(self.attack.steps), 0
        for i in range(1, self.attack.steps + 1):
            if not len(rows):
                break
            self._advance(rows, first=i == 1)
            since += 1
            if i in checks:
                _adapt(rows, since)
                since = 0
            self._retire(rows, found, found_loss, won)
        found[rows.index], found_loss[rows.index] = rows.best, rows.best_loss
        return found, found_loss, won

    def _evaluate(self, moved: Tensor, y: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        moved = moved.detach().requires_grad_()
        logits = at_least_float32(self.model(moved))
        loss = targeted(logits, y, target) if self.towards else loss_of(self.attack.loss)(logits, y)
        (gradient,) = torch.autograd.grad(loss.sum(), moved)
        return loss.detach(), gradient, logits.detach().argmax(1) != y

    def _advance(self, rows: _Rows, first: bool) -> None:
        """Take a step with momentum."""
        ball, box = ball_of(self.attack.norm), self.attack.box
        straight = rows.now + rows.step * ball.steepest(rows.gradient)
        straight = ball.project(rows.x, straight, rows.radius, box=box)
        alpha = 1.0 if first else MOMENTUM
        moved = rows.now + alpha * (straight - rows.now) + (1 - alpha) * (rows.now - rows.before)
        rows.before, rows.now = rows.now, ball.project(rows.x, moved, rows.radius, box=box)
        former = rows.loss
        rows.loss, rows.gradient, rows.suspect = self._evaluate(rows.now, rows.y, rows.target)
        rows.rises = rows.rises + (rows.loss > former)
        better = rows.loss > rows.best_loss
        wide = better[:, None, None, None]
        rows.best_loss = torch.where(better, rows.loss, rows.best_loss)
        rows.best = torch.where(wide, rows.now, rows.best)
        rows.best_gradient = torch.where(wide, rows.gradient, rows.best_gradient)

    def _retire(self, rows: _Rows, found: Tensor, found_loss: Tensor, won: Tensor) -> None:
        """Write down what is misclassified by the present iterate, and go on with the others."""
        suspect = rows.suspect.nonzero()[:, 0]
        if not len(suspect):
            return
        wrong = misclassified(self.model, rows.now[suspect], rows.y[suspect])
        gone = torch.zeros_like(rows.suspect)
        gone[suspect[wrong]] = True
        places = rows.index[gone]
        found[places], found_loss[places] = rows.now[gone], rows.loss[gone]
        won[places] = True
        rows.keep(~gone)


def _adapt(rows: _Rows, since: int) -> None:
    """Halve the step where the loss stopped rising, and go back to the best iterate there."""
    few = rows.rises < RISING * since
    stuck = ~rows.halved & (rows.best_loss <= rows.best_at_check)
    halve = few | stuck
    wide = halve[:, None, None, None]
    rows.step = torch.where(wide, rows.step / 2, rows.step)
    rows.now = torch.where(wide, rows.best, rows.now)
    rows.before = torch.where(wide, rows.best, rows.before)
    rows.gradient = torch.where(wide, rows.best_gradient, rows.gradient)
    rows.loss = torch.where(halve, rows.best_loss, rows.loss)
    rows.suspect = rows.suspect & ~halve  # the best iterate was judged when it was met
    rows.halved, rows.best_at_check = halve, rows.best_loss
    rows.rises = torch.zeros_like(rows.rises)


def _checkpoints(steps: int) -> set[int]:
    """Return the steps at which step sizes are reconsidered: Croce & Hein 2020, section 3."""
    found, before, position = set[int](), 0.0, 0.22
    while position <= 1:
        found.add(math.ceil(round(position * steps, 6)))
        before, position = position, position + max(position - before - 0.03, 0.06)
    return found
