"""The temperature at which a classifier's probabilities are read."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import in_float32
from offmanifold.data.types import Split
from offmanifold.models.scalars import decided

TEMPERATURE_IMAGES = 5000
FURTHEST = 1e6  # from the logits' own size, either way
AT_BOUND = {
    "lowest": "the temperature of least NLL stands at the lower end of its range: its few mistakes "
    "lie at the very boundary, and its probabilities at that temperature are all near 0 or 1",
    "highest": "the temperature of least NLL stands at the upper end of its range: its logits tell "
    "nothing of the labels, and its probabilities at that temperature are all alike",
}
NEAR = 0.01  # of an end, in log temperature


@dataclass(frozen=True)
class Temperature:
    """value: divides logits. bound: the end of its range at which it stands, or None.

    At "lowest" the classifier's mistakes lie at the very boundary; at "highest" its logits tell
    nothing of the labels.
    """

    value: float = 1.0
    bound: Literal["lowest", "highest"] | None = None


def fit_temperature(module: nn.Module, val: Split, device: torch.device) -> Temperature:
    """Return the temperature of least NLL on validation images; 1 without labels.

    It divides logits and changes no decision. Logits k times as large have one k times as large:
    its range, too, goes by their size. Where every image is right the NLL falls without end as the
    temperature goes to 0; each label then counts as (n + 1)/(n + 2) certain (Platt 1999).
    """
    if val.labels is None or len(val) == 0:
        return Temperature()
    chosen = val.subset(TEMPERATURE_IMAGES)
    logits, labels = [], []
    with frozen(module), torch.no_grad(), in_float32(device):
        for batch in chosen.batches(chosen.comfortable_batch):
            assert batch.y is not None
            logits.append(module(batch.x.to(device)).double().cpu())
            labels.append(batch.y)
    return temperature_of(torch.cat(logits), torch.cat(labels))


def temperature_of(logits: Tensor, y: Tensor) -> Temperature:
    """Return the temperature of least NLL of logits (n, k) with labels y (n,); see above.

    An image without a finite largest logit is left out; so is a class whose logit is −∞, since the
    classifier does not have it, with its images.
    """
    answered = decided(logits)
    f, y = _of_known_classes(logits[answered].double(), y[answered])
    f = f - f.mean(1, keepdim=True)
    size = float(f.square().mean().sqrt())
    if not 0 < size < math.inf:
        return Temperature()
    n, k = f.shape
    faultless = bool((f.argmax(1) == y).all())
    doubt = k / (k - 1) / (n + 2) if faultless else 0.0

    def nll(log_temperature: float) -> float:
        scaled = f / (size * math.exp(log_temperature))
        return float(F.cross_entropy(scaled, y, label_smoothing=doubt))

    end = math.log(FURTHEST)
    found: Any = minimize_scalar(nll, bounds=(-end, end), method="bounded")
    best = float(found.x)
    bound = "lowest" if best < NEAR - end else "highest" if best > end - NEAR else None
    return Temperature(float(f"{size * math.exp(best):.6g}"), bound)


def _of_known_classes(f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    known = f.isfinite().all(0)
    rows = known[y]
    places = known.cumsum(0) - 1
    return f[rows][:, known], places[y[rows]]
