"""The independent classifier of results/synthesis: another architecture, another seed.

It says of what class a made image is, and gives the features in which sets of images are compared.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import offmanifold as om
from offmanifold._core.registry import from_config
from offmanifold.data import Data, Split
from offmanifold.models import load_model
from offmanifold.objectives import objectives

WIDTHS, FEATURES, POOL = (32, 64, 64), 64, 4


class ConvNet(nn.Module):
    """Three ReLU convolutions with max-pooling, and 64 features before the logits."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        sizes = (channels, *WIDTHS)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(sizes, WIDTHS, strict=False)
        )
        self.wide = nn.Linear(WIDTHS[-1] * POOL * POOL, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        """Return (n, 64) of images (n, c, h, w)."""
        x = 2 * x - 1
        for i, layer in enumerate(self.layers):
            x = F.relu(layer(x))
            if i < 2 and min(x.shape[2:]) >= 2 * POOL:
                x = F.max_pool2d(x, 2)
        return F.relu(self.wide(F.adaptive_avg_pool2d(x, POOL).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def grey() -> nn.Module:
    """Return the network for one channel and ten classes."""
    return ConvNet(1, 10)


def colour() -> nn.Module:
    """Return the network for three channels and ten classes."""
    return ConvNet(3, 10)


@dataclass(frozen=True)
class Judge:
    """What it says of images (n, c, h, w)."""

    network: ConvNet

    @torch.no_grad()
    def classes(self, x: Tensor) -> Tensor:
        """Return the class of each, (n,)."""
        return self.network(x).argmax(1)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """Return the features of each, (n, 64)."""
        return self.network.features(x)


def train_judge(plan: dict[str, Any], data: Data, out: Path) -> Judge:
    """Return the judge of a plan {objective, seed, recipe}; loads what was trained before."""
    network = "grey" if data.shape[0] == 1 else "colour"
    file = os.path.relpath(__file__)  # a run's name holds it
    trained = om.train(
        load_model(f"{file}:{network}", classes=data.classes, shape=data.shape),
        data,
        objective=from_config(objectives, plan["objective"]),
        recipe=om.Recipe(**plan["recipe"], seed=plan["seed"]),
        precision="fp32",
        out=out,
    )
    found = trained.module.eval().requires_grad_(False)
    inner: Any = next(m for m in found.modules() if hasattr(m, "features"))
    return Judge(inner)


@torch.no_grad()
def share_right(model: nn.Module, split: Split, most: int = 10_000) -> float:
    """Return the accuracy on a split, or on `most` of its images drawn by seed."""
    right = total = 0
    for batch in split.subset(most).batches(500):
        assert batch.y is not None
        right += int((model(batch.x).argmax(1) == batch.y).sum())
        total += len(batch.y)
    return right / total
