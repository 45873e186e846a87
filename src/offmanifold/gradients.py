"""Input gradients of named scalars of a classifier.

Adding any h(x) to every logit leaves the classifier as it is, but changes `logit`, `logsumexp` and
`logit_sum`; `log_prob`, `loss` and `margin` are properties of the classifier.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.errors import InputError, unknown_name
from offmanifold.freezing import frozen
from offmanifold.precision import in_float32


def _margin(logits: Tensor, y: Tensor) -> Tensor:
    chosen = logits.gather(1, y[:, None])
    others = logits.masked_fill(F.one_hot(y, logits.shape[1]).bool(), -torch.inf)
    return chosen.squeeze(1) - others.amax(1)


SCALARS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "log_prob": lambda f, y: -F.cross_entropy(f, y, reduction="none"),
    "logit": lambda f, y: f.gather(1, y[:, None]).squeeze(1),
    "logsumexp": lambda f, y: f.logsumexp(1),
    "logit_sum": lambda f, y: f.sum(1),
    "loss": lambda f, y: F.cross_entropy(f, y, reduction="none"),
    "margin": _margin,
}
"""{name: (logits (n, k), labels (n,)) → (n,)}: log p(y|x), f_y, log Σ exp f, Σ f, −log p(y|x),
f_y − max over others."""


@in_float32()
def input_gradient(model: nn.Module, x: Tensor, y: Tensor, name: str = "log_prob") -> Tensor:
    """Return ∇ₓ of a named scalar at each image, (n, c, h, w), in the dtype of x.

    x: (n, c, h, w) in [0, 1]; y: (n,) labels. The model's flags and `.grad` are left as found.
    Raises InputError for an unknown name,
    and where the output does not depend differentiably on the image.

    >>> import torch
    >>> linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    >>> g = input_gradient(linear, torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 1]), "logit")
    >>> torch.equal(g[1].flatten(), linear[1].weight[1])
    True
    """
    if name not in SCALARS:
        raise unknown_name("gradient", name, SCALARS)
    with frozen(model), torch.enable_grad():
        x = x.detach().requires_grad_()
        scalar = SCALARS[name](model(x), y).sum()
        if not scalar.requires_grad:
            raise InputError(
                "the model's output does not depend differentiably on the image; "
                "remove no_grad, detach or numpy from its forward pass"
            )
        (gradient,) = torch.autograd.grad(scalar, x)
    return gradient
