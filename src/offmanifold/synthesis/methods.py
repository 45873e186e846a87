"""The ways to an image that a classifier calls y: ascent, alone or near a manifold, or sampling."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold.attacks.losses import check_labels
from offmanifold.errors import InputError, unknown_name
from offmanifold.freezing import frozen
from offmanifold.gradients import SCALARS
from offmanifold.manifold import Pooled
from offmanifold.precision import at_least_float32, in_float32
from offmanifold.progress import Bar
from offmanifold.synthesis.ascent import SILENT, Ascent, Guide, ascend
from offmanifold.synthesis.constraints import Constraint
from offmanifold.synthesis.guidance import draw
from offmanifold.synthesis.guides import Denoised, Projected
from offmanifold.synthesis.result import Synthesis, change_norms

MODES = ("auto", "ascent", "projected", "denoised", "manifold")


@dataclass(frozen=True)
class Method:
    """How images are made.

    Attributes:
        mode: ascent (the classifier's gradient alone), projected (each step along the manifold),
            denoised (the image drawn to the manifold after each step), manifold (the denoiser's
            sampler, guided by the classifier), or auto: manifold where one is given that can draw
            images, else projected, else ascent.
        guidance: weight of the classifier in the mode manifold; 1 is Bayes' rule, and the default
            of every use but generation, which takes 6.
        draws: noise levels of the sampler in the mode manifold.
        ascent: how the objective is climbed in the other two.
    """

    mode: str = "auto"
    guidance: float | None = None
    draws: int = 32
    ascent: Ascent = field(default_factory=Ascent)

    def __post_init__(self):
        if self.mode not in MODES:
            raise unknown_name("mode", self.mode, MODES)
        if not 0 <= (self.guidance or 0) < math.inf or self.draws < 2:
            raise InputError("guidance must be finite and 0 or more, and draws 2 or more")

    def completed(self, *, eps: float, guidance: float = 1.0) -> "Method":
        """Return the same with a use's own radius and guidance where none are given."""
        ascent = self.ascent if self.ascent.eps else replace(self.ascent, eps=eps)
        guidance = guidance if self.guidance is None else self.guidance
        return replace(self, ascent=ascent, guidance=guidance)

    def settled(self, manifold: Any) -> "Method":
        """Return the same with a mode that this manifold (or None) can do.

        Raises InputError where it cannot do what is asked for.
        """
        if manifold is None or not manifold.card.usable:
            if self.mode not in ("auto", "ascent"):
                raise InputError(f"the mode {self.mode} needs a usable manifold; give --manifold")
            return replace(self, mode="ascent")
        if self.mode == "auto":
            return replace(self, mode="manifold" if can_draw(manifold) else "projected")
        if self.mode in ("denoised", "manifold") and not can_draw(manifold):
            raise InputError(
                f"the manifold {manifold.card.spec} gives tangent spaces but draws no images of "
                "this size; take the mode projected, or a denoiser"
            )
        return self


def can_draw(manifold: Any) -> bool:
    """Whether a manifold's denoiser takes all noise off images: one of block means does not."""
    return getattr(manifold, "scores", False) and not isinstance(manifold, Pooled)


def guide_of(method: Method, manifold: Any) -> Guide | None:
    """Return what keeps an ascent near the data in a settled mode, None for the mode ascent."""
    if method.mode == "projected":
        return Projected(manifold)
    if method.mode == "denoised":
        passing = [row["sigma"] for row in manifold.card.gates if row["passes"]]
        return Denoised(manifold, min([manifold.card.sigma, *passing]), seed=method.ascent.seed)
    return None


def device_of(model: nn.Module) -> torch.device:
    """Return where a model computes: the device of its first parameter or buffer, else the CPU."""
    tensors = (*model.parameters(), *model.buffers())
    return next((t.device for t in tensors), torch.device("cpu"))


def checked_classes(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return classes y (n,) on the model's device; raises InputError for one it does not have."""
    if len(x) and len(y):
        with frozen(model), torch.no_grad(), in_float32(x.device):
            check_labels(model(x[:1]), y)
    return y.to(device_of(model))


def predicted(model: nn.Module, x: Tensor) -> Tensor:
    """Return the class of the largest logit, (n,)."""
    with frozen(model), torch.no_grad(), in_float32(x.device):
        return model(x).argmax(1)


def value_of(model: nn.Module, x: Tensor, y: Tensor, objective: str) -> Tensor:
    """Return a named scalar of the logits, (n,), in float32."""
    with frozen(model), torch.no_grad(), in_float32(x.device):
        return SCALARS[objective](at_least_float32(model(x)), y)


def fill(
    model: nn.Module,
    start: Tensor,
    y: Tensor | None,
    method: Method,
    *,
    manifold: Any = None,
    index: Tensor | None = None,
    constraint: Constraint,
    radii: Tensor | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images of class y in a constraint that `start` (n, c, h, w) satisfies.

    y: (n,); None takes the class that the classifier sees in what it begins with. In the mode
    manifold the result's `start` is what the denoiser draws alone from the same noise.
    """
    method = method.settled(manifold)
    device = device_of(model)
    index = torch.arange(len(start)) if index is None else index
    start = start.to(device)
    how = method.ascent
    if method.mode != "manifold":
        guide = guide_of(method, manifold)
        y = predicted(model, start) if y is None else y.to(device)
        return ascend(
            model,
            start,
            y,
            how,
            index=index,
            radii=radii,
            constraint=constraint,
            guide=guide,
            bar=bar,
        )

    def drawn(y: Tensor, guidance: float) -> Tensor:
        return draw(
            model,
            manifold,
            y,
            index=index,
            guidance=guidance,
            objective=how.objective,
            steps=method.draws,
            seed=how.seed,
            constraint=constraint,
            device=device,
            bar=bar,
        )

    if y is not None:
        y = checked_classes(model, start, y)
    alone = drawn(torch.zeros(len(start), dtype=torch.long, device=device), 0.0)
    y = predicted(model, alone) if y is None else y
    images = drawn(y, 1.0 if method.guidance is None else method.guidance)
    return made(model, images, alone, y, how.objective, 2 * method.draws - 1)


def made(
    model: nn.Module, images: Tensor, start: Tensor, y: Tensor, objective: str, steps: int
) -> Synthesis:
    """Return finished images with their numbers."""
    return Synthesis(
        images=images,
        start=start,
        y=y,
        objective=value_of(model, images, y, objective),
        norms=change_norms(images, start),
        steps=torch.full((len(images),), steps),
    )


def passes(method: Method) -> int:
    """Return how often `fill` advances its bar for one batch, once its mode is settled."""
    return 2 * (2 * method.draws - 1) if method.mode == "manifold" else method.ascent.steps
