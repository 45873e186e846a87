"""Named scalars of a classifier's logits, none of which saturates.

In float32 1 − p_y rounds to 0 where the label's log-odds pass 17, and a gradient taken through the
softmax then loses its direction. The log-odds themselves have that direction and never lose it:
∇log p_y = (1 − p_y) ∇u. So they are what is differentiated, climbed and descended.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


def log_odds(logits: Tensor, y: Tensor) -> Tensor:
    """Return u = f_y − log Σ_{c≠y} exp f_c = log(p_y / (1 − p_y)), (n,), of logits (n, k ≥ 2)."""
    return of_class(logits, y) - others(logits, y).logsumexp(1)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return −log p_y = log(1 + e^−u), (n,), exact to the last digit where p_y is near 1."""
    return F.softplus(-log_odds(logits, y))


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Return f_y − max_{c≠y} f_c, (n,)."""
    return of_class(logits, y) - others(logits, y).amax(1)


def of_class(logits: Tensor, y: Tensor) -> Tensor:
    """Return f_y, (n,)."""
    return logits.gather(1, y[:, None])[:, 0]


def decided(logits: Tensor) -> Tensor:
    """Return (n,) whether logits (n, k) have a largest: none is NaN or +∞, and not all are −∞.

    −∞ is the logit of a class that the classifier never answers.
    """
    return logits.amax(1).isfinite()


def others(logits: Tensor, y: Tensor) -> Tensor:
    """Return the logits (n, k) with −∞ in the place of the label's."""
    return logits.masked_fill(F.one_hot(y, logits.shape[1]).bool(), -torch.inf)


def _itself(core: Tensor) -> Tensor:
    return core


@dataclass(frozen=True)
class Scalar:
    """s = value(core), with ∇s = slope(core) ∇core and slope > 0: one rises where the other does.

    core: (logits (n, k), labels (n,)) → (n,), of which gradients are taken.
    """

    core: Callable[[Tensor, Tensor], Tensor]
    value: Callable[[Tensor], Tensor] = _itself
    slope: Callable[[Tensor], Tensor] = torch.ones_like

    def __call__(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the scalar of each image, (n,)."""
        return self.value(self.core(logits, y))


SCALARS: dict[str, Scalar] = {
    "log_prob": Scalar(log_odds, F.logsigmoid, lambda u: torch.sigmoid(-u)),
    "logit": Scalar(of_class),
    "logsumexp": Scalar(lambda f, y: f.logsumexp(1)),
    "logit_sum": Scalar(lambda f, y: f.sum(1)),
    "loss": Scalar(lambda f, y: -log_odds(f, y), F.softplus, torch.sigmoid),
    "margin": Scalar(margin),
}
"""log p(y|x), f_y, log Σ exp f, Σ f, −log p(y|x), and f_y − max over others."""
