"""Images of a class in a constraint, by any method; and what is said of the result."""

from typing import Any

import torch
from torch import Tensor, nn

from offmanifold.attacks.losses import check_labels
from offmanifold.freezing import frozen
from offmanifold.gradients import SCALARS
from offmanifold.precision import at_least_float32, in_float32
from offmanifold.progress import Bar
from offmanifold.synthesis.ascent import SILENT, ascend
from offmanifold.synthesis.constraints import Constraint
from offmanifold.synthesis.guidance import draw
from offmanifold.synthesis.methods import Method, guide_of
from offmanifold.synthesis.result import Synthesis, change_norms


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
    guidance = 1.0 if method.guidance is None else method.guidance
    if not guidance:
        bar.advance(2 * method.draws - 1)
    images = drawn(y, guidance) if guidance else alone
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
