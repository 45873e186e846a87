"""The package's own small classifier: quick on a CPU, smooth, each image by itself."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold._core.errors import unknown_name

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"silu": F.silu, "relu": F.relu}
STAGES = (1, 2, 4)  # width of each stage over `width`; between stages both sides are halved
BLOCKS = 1  # residual blocks a stage
POOL = 2  # rows and columns of the last average pool: 2 keeps where a stroke lies
GAIN = 0.5  # of a residual branch at the start


class Block(nn.Module):
    """x + gain · conv(act(conv(act(x)))), gain a learnt scalar.

    SkipInit (De & Smith 2020), with which residual networks need no normalisation.
    """

    def __init__(self, width: int, activation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.gain = nn.Parameter(torch.tensor(GAIN))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gain * self.second(self.activation(self.first(self.activation(x))))


class SmallResNet(nn.Module):
    """A residual network without normalisation layers: images (n, c, h, w) → logits (n, classes).

    c, h and w are free (h, w ≥ 8); an image's logits depend on that image alone. Halving is by
    average pooling, since strided convolutions leave a checkerboard in the input gradient. The
    default, SiLU, has the second derivatives that training on gradients needs.

    >>> SmallResNet(channels=1, classes=10)(torch.rand(2, 1, 16, 16)).shape
    torch.Size([2, 10])
    """

    def __init__(self, channels: int, classes: int, width: int = 16, activation: str = "silu"):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        widths = [width * factor for factor in STAGES]
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.widen = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in itertools.pairwise(widths))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(w, self.activation) for _ in range(BLOCKS))) for w in widths
        )
        self.head = nn.Linear(widths[-1] * POOL * POOL, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages[0](self.stem(2 * x - 1))
        for widen, stage in zip(self.widen, self.stages[1:], strict=True):
            x = stage(widen(F.avg_pool2d(x, 2, ceil_mode=True)))
        return self.head(F.adaptive_avg_pool2d(self.activation(x), POOL).flatten(1))
