"""Input gradients of named scalars of a classifier.

Adding any h(x) to every logit leaves the classifier as it is, but changes `logit`, `logsumexp` and
`logit_sum`; `log_prob`, `loss` and `margin` are properties of the classifier.
"""

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.frozen import frozen
from offmanifold._core.precision import at_least_float32, in_float32
from offmanifold.data.checks import check_given
from offmanifold.models.scalars import SCALARS

LEAST = 1e-30  # of a slope: float32 holds no gradient that is much smaller


@in_float32()
def input_gradient(model: nn.Module, x: Tensor, y: Tensor, name: str = "log_prob") -> Tensor:
    """Return ∇ₓ of a named scalar at each image, (n, c, h, w), in float32 or in float64 as x is.

    x: (n, c, h, w) in [0, 1]; y: (n,) labels. That of `log_prob` is (1 − p_y) ∇u, u the label's
    log-odds, and that of `loss` its negative: their direction is kept however sure the classifier
    is; a factor below 1e-30, which float32 could not carry, counts as 1e-30. The model's flags and
    `.grad` are left as found. Raises InputError for an unknown name, for images outside [0, 1],
    and where the output does not depend differentiably on the image.

    >>> import torch
    >>> linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    >>> g = input_gradient(linear, torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 1]), "logit")
    >>> torch.equal(g[1].flatten(), linear[1].weight[1])
    True
    """
    check_given(x)
    gradient, core = core_gradient(model, x, y, name)
    gradient = at_least_float32(gradient)
    slope = SCALARS[name].slope(core).clamp(min=LEAST).to(gradient.dtype)
    return slope[:, None, None, None] * gradient


def core_gradient(
    model: nn.Module, x: Tensor, y: Tensor, name: str = "log_prob"
) -> tuple[Tensor, Tensor]:
    """Return the gradient (n, c, h, w) of a scalar's core, and the core (n,); see `Scalar`.

    It has the direction of the scalar's own gradient, and the size of that of the logits. x may be
    any point. Raises InputError as `input_gradient` does, but for the range.
    """
    if name not in SCALARS:
        raise unknown_name("gradient", name, SCALARS)
    with frozen(model), torch.enable_grad():
        x = x.detach().requires_grad_()
        core = SCALARS[name].core(at_least_float32(model(x)), y)
        if not core.requires_grad:
            raise InputError(
                "the model's output does not depend differentiably on the image; "
                "remove no_grad, detach or numpy from its forward pass"
            )
        (gradient,) = torch.autograd.grad(core.sum(), x)
    return gradient, core.detach()
