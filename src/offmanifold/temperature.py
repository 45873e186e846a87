"""The temperature at which sizes of output changes are drawn."""

import math

import torch
from scipy.optimize import minimize_scalar
from torch import nn
from torch.nn import functional as F

from offmanifold.data.types import Split
from offmanifold.freezing import frozen

TEMPERATURE_IMAGES = 5000


def fit_temperature(module: nn.Module, val: Split, device: torch.device) -> float:
    """Return the temperature that minimises NLL on validation images; 1 without labels.

    It divides logits and changes no decision; sizes of output changes are drawn at it. It is 1 too
    where every image is right, since the NLL then falls without end as the temperature goes to 0.
    """
    if val.labels is None or len(val) == 0:
        return 1.0
    chosen = val.subset(TEMPERATURE_IMAGES)
    logits, labels = [], []
    with frozen(module), torch.no_grad():
        for batch in chosen.batches(chosen.comfortable_batch):
            assert batch.y is not None
            logits.append(module(batch.x.to(device)).float().cpu())
            labels.append(batch.y)
    f, y = torch.cat(logits).double(), torch.cat(labels)
    if not f.isfinite().all() or bool((f.argmax(1) == y).all()):
        return 1.0

    def nll(log_temperature: float) -> float:
        return float(F.cross_entropy(f / math.exp(log_temperature), y))

    best = minimize_scalar(nll, bounds=(math.log(0.05), math.log(20)), method="bounded")
    return float(round(math.exp(best.x), 6))
