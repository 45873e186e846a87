"""Images of a class in a constraint, by any method; and what is said of the result."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32, in_float32
from offmanifold._core.progress import Bar, Unnumbered
from offmanifold.manifolds import Manifold
from offmanifold.models.scalars import SCALARS
from offmanifold.synthesis.ascent import SILENT, ascend
from offmanifold.synthesis.constraints import Constraint
from offmanifold.synthesis.guidance import draw
from offmanifold.synthesis.inputs import check_classes, check_classifier_takes, check_manifold_takes
from offmanifold.synthesis.methods import Method, guide_of
from offmanifold.synthesis.result import Synthesis, change_norms
from offmanifold.synthesis.shapes import Classes, Images, Index, Numbers


def device_of(model: nn.Module) -> torch.device:
    """Return where a model computes: the device of its first parameter or buffer, else the CPU."""
    tensors = (*model.parameters(), *model.buffers())
    return next((t.device for t in tensors), torch.device("cpu"))


def checked_classes(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return classes y (n,) on the model's device; raises InputError for one it does not have."""
    check_classes(y, len(x))
    check_classifier_takes(model, x, y)
    return y.to(device_of(model), torch.long)


def likely(model: nn.Module, x: Tensor, k: int) -> Tensor:
    """Return the classes of the k largest logits (n, k), largest first; all, where k is more."""
    with frozen(model), torch.no_grad(), in_float32(x.device):
        logits = model(x)
    return logits.topk(min(k, logits.shape[1]), dim=1).indices


def predicted(model: nn.Module, x: Images) -> Classes:
    """Return the class of the largest logit, (n,)."""
    return likely(model, x, 1)[:, 0]


def value_of(model: nn.Module, x: Images, y: Classes, objective: str) -> Numbers:
    """Return a named scalar of the logits, (n,), in float32."""
    with frozen(model), torch.no_grad(), in_float32(x.device):
        return SCALARS[objective](at_least_float32(model(x)), y)


def fill(
    model: nn.Module,
    start: Images,
    y: Classes | None,
    method: Method,
    *,
    manifold: Manifold | None = None,
    index: Index | None = None,
    constraint: Constraint,
    radii: Numbers | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images of class y in a constraint that `start` (n, c, h, w) satisfies.

    y: (n,). None: of the classes that the classifier sees most in what is begun with,
    `method.candidates` are tried, and each image is the one of highest objective. method: with its
    mode settled; in the mode manifold the result's `start` is what the denoiser draws alone from
    the same noise. radii: (n,) of the balls, in place of the method's. Raises InputError for
    classes out of range.
    """
    device = device_of(model)
    index = torch.arange(len(start)) if index is None else index
    start = start.to(device)
    how = method.ascent
    if not len(start):  # not every network takes an empty batch
        none = start.new_zeros(0)
        return Synthesis(start, start, none.long(), none, none, none.long())
    if method.mode != "ascent":
        check_manifold_takes(manifold, start)
    each = bar
    if y is not None:
        y = checked_classes(model, start, y)
    else:
        check_classifier_takes(model, start)
        each = Unnumbered(bar)

    def climbed(y: Tensor) -> Synthesis:
        return ascend(
            model,
            start,
            y,
            how,
            index=index,
            radii=radii,
            constraint=constraint,
            guide=guide_of(method, manifold),
            bar=each,
        )

    def drawn(y: Tensor, guidance: float) -> Tensor:
        assert manifold is not None
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
            bar=each,
        )

    if method.mode != "manifold":
        make, seen = climbed, start
    else:
        seen = drawn(torch.zeros(len(start), dtype=torch.long, device=device), 0.0)

        def make(y: Tensor) -> Synthesis:
            images = drawn(y, method.weight) if method.weight else seen
            return made(model, images, seen, y, how.objective, 2 * method.draws - 1)

    if y is not None:
        return make(y)

    def told(best: Synthesis) -> None:
        bar.advance(0, **{f"best {how.objective}": float(best.objective.mean())})

    return _best(make, likely(model, seen, method.candidates).T, told)


def _best(
    make: Callable[[Tensor], Synthesis], classes: Tensor, told: Callable[[Synthesis], None]
) -> Synthesis:
    """Return for each image what is made of the class (m, n) whose result is of most objective.

    told: gets the best so far, after each class.
    """
    best = make(classes[0])
    told(best)
    for y in classes[1:]:
        other = make(y)
        higher = other.objective > best.objective
        chosen = {}
        for name, value in vars(best).items():
            rows = higher.to(value.device).reshape(-1, *[1] * (value.ndim - 1))
            chosen[name] = torch.where(rows, getattr(other, name), value)
        best = Synthesis(**chosen)
        told(best)
    return best


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


def passes(method: Method, tried: int = 1) -> int:
    """Return how often `fill` advances its bar for one batch, once its mode is settled.

    tried: classes, min(`method.candidates`, those of the classifier) where none is given.
    """
    if method.mode != "manifold":
        return tried * method.ascent.steps
    return (1 + (tried if method.weight else 0)) * (2 * method.draws - 1)
