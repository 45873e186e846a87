"""Ascent of a classifier's output in image space: the one optimiser of all uses."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.frozen import frozen
from offmanifold._core.memory import freed_memory_kept
from offmanifold._core.precision import at_least_float32, check_precision, in_float32, region
from offmanifold._core.progress import Bar
from offmanifold._core.randomness import ImageNoise
from offmanifold.attacks.balls import l2_norms
from offmanifold.data.augmentation import augment, check_shift
from offmanifold.data.checks import check_given
from offmanifold.models.scalars import SCALARS
from offmanifold.synthesis.constraints import Box, Constraint
from offmanifold.synthesis.inputs import check_classes, check_classifier_takes
from offmanifold.synthesis.result import Synthesis, change_norms
from offmanifold.synthesis.rules import RULES
from offmanifold.synthesis.scales import check_scales, multi_resolution
from offmanifold.synthesis.shapes import Classes, Images, Index, Numbers

SILENT = Bar(None, None)
SHOWN_EVERY = 5  # steps between numbers on the bar, each of which waits for the device


@dataclass(frozen=True)
class Ascent:
    """How an objective is climbed.

    Attributes:
        objective: the scalar that rises: log_prob, logit, margin or another of `SCALARS`.
        steps: steps at most.
        eps: radius around the start, an l2 norm per image in [0, 1] pixels; None: the box alone.
        step_size: l2 norm of the first step; 2.5·eps/steps if None. Steps shrink to 0 by a cosine.
        rule: momentum or adam.
        momentum: how much of the last step goes on.
        copies: randomly shifted copies that each gradient is averaged over; 0: the image itself.
        shift: pixels at most that a copy is shifted by.
        scales: resolutions of the image's parameters, as factors; (1,) is the image itself.
        until: value of the objective at which an image is finished.
        patience: steps without a rise after which an image is finished.
        precision: fp32, or bf16 for the inner steps; final values are in float32.
        seed: of the shifts, by (seed, image index) alone.
    """

    objective: str = "log_prob"
    steps: int = 60
    eps: float | None = None
    step_size: float | None = None
    rule: str = "momentum"
    momentum: float = 0.5
    copies: int = 0
    shift: int = 1
    scales: tuple[int, ...] = (1,)
    until: float | None = None
    patience: int | None = None
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self):
        if self.objective not in SCALARS:
            raise unknown_name("objective", self.objective, SCALARS)
        if self.rule not in RULES:
            raise unknown_name("step rule", self.rule, RULES)
        check_precision(self.precision)
        if self.steps < 1 or self.copies < 0 or (self.patience is not None and self.patience < 1):
            raise InputError(
                "an ascent needs at least one step, 0 copies or more, and patience ≥ 1"
            )
        for name, value in (("eps", self.eps), ("step_size", self.step_size)):
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"an ascent needs a finite {name} > 0 (a norm), not {value}")
        if not self.scales or min(self.scales) < 1 or not 0 <= self.momentum < 1:
            raise InputError("an ascent needs scales of 1 or more, and momentum in [0, 1)")

    def lengths(self, step: int, radii: Tensor) -> Tensor:
        """Return the l2 norms of a step (n,), counted from 0, in balls of these radii (n,)."""
        if self.step_size is None and not bool(radii.isfinite().all()):
            raise InputError("an ascent without a ball (eps) needs a step_size")
        first = 2.5 * radii / self.steps if self.step_size is None else self.step_size
        return first * torch.ones_like(radii) * (1 + math.cos(math.pi * step / self.steps)) / 2


@runtime_checkable
class Guide(Protocol):
    """What keeps an ascent near the data: it bends gradients, or lands images, or both."""

    def bend(self, x: Tensor, gradient: Tensor, index: Tensor, step: int) -> Tensor:
        """Return the gradient (m, c, h, w) to follow at images x."""
        ...

    def land(self, x: Tensor, index: Tensor, step: int) -> Tensor:
        """Return images near x (m, c, h, w) after a step."""
        ...


@in_float32()
def ascend(
    model: nn.Module,
    start: Images,
    y: Classes,
    how: Ascent,
    *,
    index: Index | None = None,
    begin: Images | None = None,
    radii: Numbers | None = None,
    constraint: Constraint | None = None,
    guide: Guide | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Climb `how.objective` of class y from each image, within its ball and its constraint.

    What is climbed is its core (`Scalar`), which rises with it: sure images are not lost to
    rounding.
    start: (n, c, h, w) in [0, 1], the centres of the balls; y: (n,) classes. index: (n,) names of
    the images for all randomness, by default their places: an image ends the same in any batch.
    begin: other first points, within the balls. radii: (n,), in place of `how.eps`. An image that
    is finished leaves the batch. No history is kept, so that memory does not grow with the steps.
    Flags and `.grad` of the model are left as found. Raises InputError for classes out of range,
    scales that the images do not have, and what is no image in [0, 1].

    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    >>> x, y = torch.full((3, 1, 2, 2), 0.5), torch.tensor([0, 1, 1])
    >>> found = ascend(model, x, y, Ascent(eps=0.1, steps=5))
    >>> bool((found.norms <= 0.1).all()), found.steps.tolist()
    (True, [5, 5, 5])
    """
    check_given(start)
    check_classes(y, len(start))
    check_classifier_takes(model, start, y)
    start, y = at_least_float32(start.detach()), y.long()
    index = torch.arange(len(start)) if index is None else index
    constraint = Box() if constraint is None else constraint
    if how.copies:
        check_shift(how.shift, (start.shape[1], start.shape[2], start.shape[3]))
    check_scales(how.scales, start.shape[-2:])
    limit = torch.full_like(start[:, 0, 0, 0], math.inf if how.eps is None else how.eps)
    limit = limit if radii is None else radii.to(start)
    scalar = SCALARS[how.objective]
    images = (start if begin is None else begin.to(start)).clone()
    taken = torch.zeros(len(start), dtype=torch.long)
    rows = torch.arange(len(start))  # of the images that go on
    x, rule = images.clone(), RULES[how.rule](how.momentum)
    best, last = torch.full_like(limit, -math.inf), torch.zeros_like(limit)
    stale = torch.zeros_like(taken)

    def cores(x: Tensor, y: Tensor) -> Tensor:
        return scalar.core(at_least_float32(model(x)), y)

    with frozen(model), torch.enable_grad(), freed_memory_kept():
        for step in range(how.steps):
            noise = ImageNoise(index[rows], seed=how.seed, name="shifts")
            noise.draw = step * how.copies
            core, gradient = _climb(cores, x, y[rows], how, noise)
            gradient = constraint.tangent(gradient, rows)
            value = scalar.value(core)
            last[rows] = value.to(last)  # those of finished images stay
            rose = core > best[rows]
            best[rows] = torch.where(rose, core, best[rows])
            stale[rows] = torch.where(rose.cpu(), 0, stale[rows] + 1)
            finished = (gradient.flatten(1) == 0).all(1).cpu()  # nothing to climb
            if how.until is not None:
                finished |= (value >= how.until).cpu()
            if how.patience is not None:
                finished |= stale[rows] >= how.patience
            if bool(finished.any()):
                images[rows[finished]] = x[finished]
                left = (~finished).nonzero().flatten()
                rows, x, gradient = rows[left], x[left], gradient[left]
                rule.keep(left)
            if not len(rows):
                bar.advance(how.steps - step)
                break
            gradient = multi_resolution(gradient, how.scales)
            if guide is not None:
                gradient = guide.bend(x, gradient, index[rows], step)
            gradient = constraint.tangent(gradient, rows)
            length = how.lengths(step, limit[rows])[:, None, None, None]
            x = x + length * rule.step(gradient)
            if guide is not None:
                x = guide.land(x, index[rows], step)
            x = _shrunk(start[rows], constraint.project(x, rows), limit[rows])
            taken[rows] += 1
            if step % SHOWN_EVERY:
                bar.advance()
            else:
                bar.advance(**{how.objective: float(last.mean())})
        images[rows] = x
        with torch.no_grad():
            final = scalar.value(cores(images, y)) if len(images) else limit
    return Synthesis(images, start, y, final, change_norms(images, start), taken)


def _climb(
    cores: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, how: Ascent, noise: ImageNoise
) -> tuple[Tensor, Tensor]:
    """Return the objective's core (m,) and its gradient (m, c, h, w), means of shifted copies."""
    x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    total, slope = torch.zeros_like(x[:, 0, 0, 0]), torch.zeros_like(x)
    for _ in range(max(1, how.copies)):
        with region(x.device, how.precision):
            seen = augment(x, how.shift, False, noise) if how.copies else x
            core = cores(seen, y)
        total += core.detach()
        slope += torch.autograd.grad(core.sum(), x)[0]
    return total / max(1, how.copies), slope


def _shrunk(start: Tensor, x: Tensor, limit: Tensor) -> Tensor:
    """Return x drawn towards its start until ‖x − start‖ ≤ limit, by what rounding may add less."""
    delta = x - start
    rounding = start[0].numel() ** 0.5 * torch.finfo(start.dtype).eps / 2
    radius = torch.maximum(limit - rounding, limit / 2)[:, None, None, None]
    share = (radius / l2_norms(delta).clamp(min=1e-12)).clamp(max=1)
    return torch.where(share < 1, start + share * delta, x)
