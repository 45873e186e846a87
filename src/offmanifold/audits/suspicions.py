"""What may be behind a classifier that is right no more often than chance, each tried or known."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.reasons import Reason
from offmanifold.data.types import Data
from offmanifold.models import ModelCard
from offmanifold.models.torchvision_models import IMAGENET_MEAN, IMAGENET_STD

IMAGES, RISE = 64, 0.2  # looked at; rise of accuracy that tells
DEFAULT = "distractor:digits"  # what commands take where no data are named

RANGES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "x * 255": ("range_255", lambda x: 255 * x),
    "2 * x - 1": ("range_signed", lambda x: 2 * x - 1),
    "(x - mean) / std": (
        "range_imagenet",
        lambda x: (x - _grey(IMAGENET_MEAN, x)) / _grey(IMAGENET_STD, x),
    ),
    "x.flip(1)": ("range_bgr", lambda x: x.flip(1)),
    "1 - x": ("range_inverted", lambda x: 1 - x),
}
"""{how pixels are changed: (the reason's code, the change)}."""


def suspicions(
    module: nn.Module, card: ModelCard, data: Data, device: torch.device
) -> list[Reason]:
    """Return what may be behind accuracy at chance, the likeliest first.

    module: images → logits of the data's classes. It is asked about a few validation images in
    other ranges of pixels.
    """
    found = []
    if (expected := _other_range(module, data, device)) is not None:
        found.append(expected)
    if card.untrained:
        found.append(Reason("suspicion.untrained", {"spec": card.spec}))
    if data.info.get("spec") == DEFAULT and card.config.get("data") != data.fingerprint:
        found.append(Reason("suspicion.default_data", {"spec": DEFAULT}))
    return found


def _other_range(module: nn.Module, data: Data, device: torch.device) -> Reason | None:
    part = data.val if len(data.val) else data.test
    few = part.subset(IMAGES)
    batch = few.read(few.rows)
    if batch.y is None:
        return None
    x, y = batch.x.to(device), batch.y.to(device)

    def right(x: Tensor) -> int:
        return int((module(x).argmax(1) == y).sum())

    with frozen(module), torch.no_grad():
        now = right(x)
        then = {how: right(changed(x)) for how, (_, changed) in RANGES.items()}
    how = max(then, key=lambda name: then[name])
    commonest = int(np.bincount(batch.y.numpy()).max())
    if then[how] < max(now, commonest) + RISE * len(x):
        return None
    counts = {"how": how, "then": then[how], "now": now, "n": len(x)}
    return Reason(f"suspicion.{RANGES[how][0]}", counts)


def _grey(values: tuple[float, ...], x: Tensor) -> Tensor:
    """Return values a channel, or their mean where images have another number of channels."""
    v = torch.tensor(values, dtype=x.dtype, device=x.device)
    v = v if x.shape[1] == len(values) else v.mean()[None]
    return v.view(1, -1, 1, 1)
