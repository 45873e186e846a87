"""Whether the gradient at an image can be followed: finite, and not zero everywhere."""

from collections.abc import Callable

import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.faults import first_line, place_of, told
from offmanifold._core.precision import at_least_float32
from offmanifold.models.scalars import log_odds

NONE = (
    "the model's output does not depend differentiably on the image; remove no_grad, detach, "
    "argmax or numpy from its forward pass{more}"
)
INFINITE = (
    "the model's gradient is infinite or NaN at every image that was tried, so that no attack and "
    "no explanation has anything to follow: a power, root or logarithm of pixels that are 0, or a "
    "norm of 0; clamp what goes into it, as in x.clamp(min=1e-3) ** gamma"
)
ZERO = (
    "the model's gradient is zero at every image that was tried though its answers differ, so that "
    "no attack and no explanation has anything to follow: rounding, quantising, thresholds or "
    "argmax in its forward pass; leave that out, or let gradients through, as in "
    "x + (x.round() - x).detach()"
)
SOME = (
    "{n} of {all} first images have no gradient that can be followed (infinite, NaN or zero "
    "everywhere): what is told of gradients and attacks does not hold for such images"
)


def usable(gradient: Tensor) -> Tensor:
    """Return for each gradient (n, …) whether it is finite and not zero everywhere, (n,) bool."""
    flat = gradient.detach().flatten(1)
    return flat.isfinite().all(1) & (flat != 0).any(1)


def check_gradients(
    run: Callable[[Tensor], Tensor], x: Tensor, rounded: str | None = None
) -> str | None:
    """Return what is to be said of images (n, c, h, w) without a usable gradient, if of any.

    run: images → logits (n, k ≥ 2). The scalar is the log-odds of the class preferred.
    rounded: what to say of gradients that are zero since probabilities are. Raises InputError
    where no image has a usable gradient, unless the outputs are the same for all, as those of a
    collapsed model may be.
    """
    x = x.clone().requires_grad_()
    with torch.enable_grad():
        logits = at_least_float32(run(x))
        if not logits.requires_grad:
            raise InputError(NONE.format(more=""))
        y = logits.detach().argmax(1)
        try:
            (gradient,) = torch.autograd.grad(log_odds(logits, y).sum(), x)
        except Exception as error:  # a backward pass, or a hook, of the user's own
            if place_of(error) is not None or not isinstance(error, RuntimeError):
                raise InputError(
                    f"the model's backward pass raised {told(error)}; mend it there"
                ) from error
            raise InputError(NONE.format(more=f" ({first_line(error)})")) from error
    good = usable(gradient)
    if good.all():
        return None
    if good.any():
        return SOME.format(n=int((~good).sum()), all=len(x))
    if not gradient.isfinite().all():
        raise InputError(INFINITE)
    if bool((logits.detach() != logits.detach()[:1]).any()):
        said = ZERO if rounded is None else rounded.format(n=len(x), all=len(x))
        raise InputError(said)
    return None
