"""A penalty on the input gradient."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.precision import at_least_float32, in_float32
from offmanifold._core.randomness import LayerNoise, Randomness
from offmanifold.attacks.balls import unit
from offmanifold.models.scalars import SCALARS, cross_entropy
from offmanifold.objectives.base import Loss, Plain, objectives
from offmanifold.objectives.double_backward import DoubleBackward

PENALISED = ("loss", "log_prob", "logit")


@objectives.register("gradient_norm")
@dataclass(frozen=True)
class GradientNorm(Plain):
    """ℓ(f(x), y) + weight · ‖∇ₓ s‖₂², per image, s the loss, log p_y or the logit f_y.

    Drucker & LeCun 1992; Srinivas et al. 2023. The penalty is taken for each image; one on the
    gradient of a mean over B images would be B² times weaker. With the cross-entropy, `loss` and
    `log_prob` are the same penalty; that on `logit` alone depends on what is added to all logits.
    Needs a smooth activation: with ReLU the second derivative is zero almost everywhere. With batch
    normalisation the images of a batch are not independent and the penalty is approximate.

    Exact: one forward, one backward and one double backward pass. Finite (Finlay & Oberman 2021):
    ((s(x + h·v) − s(x)) / h)² along v = ∇s/‖∇s‖₂, held fixed, in float32: two forward passes, one
    backward pass to the input and one through both to the weights, which torch.compile can take.

    Attributes:
        weight: the strength, per squared (unit of s per unit of l2 norm in [0, 1] pixels); the λ
            of Srinivas et al. 2023 at batch size 128 is 1/6.1 of it.
        of: whose gradient: loss, log_prob or logit (of the label).
        form: exact (double backward) or finite (a finite difference, which compiles).
        step: h of the finite form, an l2 norm per image in [0, 1] pixels.
    """

    strength: ClassVar[str | None] = "weight"
    weight: float = 1.0
    of: Literal["loss", "log_prob", "logit"] = "loss"
    form: Literal["exact", "finite"] = "exact"
    step: float = 0.01

    def __post_init__(self):
        for name in ("weight", "step"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InputError(f"gradient-norm needs a finite {name} > 0, not {value}")
        if self.of not in PENALISED:
            raise unknown_name("gradient to penalise", self.of, PENALISED)
        if self.form not in ("exact", "finite"):
            raise unknown_name("form of gradient-norm", self.form, ("exact", "finite"))

    @property
    def compiles(self) -> bool:
        return self.form == "finite"  # torch.compile has no double backward

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        loss, penalty = (self._exact if self.form == "exact" else self._finite)(model, x, y)
        return Loss(
            loss + self.weight * penalty, {"cross_entropy": loss, "gradient_norm_sq": penalty}
        )

    def _exact(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        with DoubleBackward() as graph:
            logits = at_least_float32(model(x))
        scalar = SCALARS[self.of]
        core = scalar.core(logits, y)
        gradient = graph.gradient(core.sum(), x)
        penalty = scalar.slope(core).square() * gradient.flatten(1).square().sum(1)
        return cross_entropy(logits, y), penalty

    def _finite(self, model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        noise = LayerNoise(x.device)  # the same function twice, dropout included
        with in_float32(x.device):
            logits = model(x)
            scalar = SCALARS[self.of]
            core = scalar.core(logits, y)
            (gradient,) = torch.autograd.grad(core.sum(), x, retain_graph=True)
            moved = x.detach() + self.step * unit(gradient)
            with noise.again():
                rise = scalar(model(moved), y) - scalar.value(core)
        return cross_entropy(logits, y), (rise / self.step).square()
