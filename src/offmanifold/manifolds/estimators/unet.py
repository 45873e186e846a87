"""The small U-Net inside the denoiser."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _Block(nn.Module):
    """x + conv(silu(conv(silu(x)) modulated by the noise level and the class))."""

    def __init__(self, width: int, embedding: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.first(F.silu(x))
        return x + self.second(F.silu(h * (1 + scale) + shift))


class UNet(nn.Module):
    """(x, noise level, class) → an image-shaped field.

    Images are folded 2×2 into channels first, then seen at two resolutions: most of the work is
    done on few positions with many channels, which two cores do best, and six 3×3 convolutions at
    the coarse one see the whole of a small image. No normalisation: images stay independent, and
    jvps cheap. Sizes that are no multiple of 4 are padded by repeating the border.
    """

    frequencies: Tensor

    def __init__(self, channels: int, classes: int, width: int = 64, depth: int = 3):
        super().__init__()
        deep, embedding = 2 * width, 2 * width
        self.classes = classes
        self.register_buffer("frequencies", torch.logspace(-1, 1.5, 16))
        self.embed = nn.Sequential(nn.Linear(32, embedding), nn.SiLU())
        self.label = nn.Embedding(classes + 1, embedding)  # the last row: no label
        nn.init.zeros_(self.label.weight)  # the class has the effects that training gives it alone
        self.join = nn.Sequential(nn.Linear(embedding, embedding), nn.SiLU())
        self.enter = nn.Conv2d(4 * channels + 1, width, 3, padding=1)
        self.before = nn.ModuleList(_Block(width, embedding) for _ in range(2))
        self.down = nn.Conv2d(width, deep, 2, stride=2)
        self.middle = nn.ModuleList(_Block(deep, embedding) for _ in range(depth))
        self.up = nn.ConvTranspose2d(deep, width, 2, stride=2)
        self.merge = nn.Conv2d(2 * width, width, 1)
        self.after = nn.ModuleList(_Block(width, embedding) for _ in range(2))
        self.leave = nn.Conv2d(width, 4 * channels, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, noise_level: Tensor, label: Tensor) -> Tensor:
        """x: (n, c, h, w); noise_level: (n,) any real; label: (n,) with `classes` for none."""
        height, width = x.shape[-2:]
        right, below = -width % 4, -height % 4
        if right or below:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        angles = noise_level[:, None] * self.frequencies
        embedding = self.embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        embedding = self.join(embedding + self.label(label))
        h = F.pixel_unshuffle(x, 2)
        border = torch.ones_like(h[:, :1])  # with zero padding, tells where the border is
        h = self.enter(torch.cat([h, border], dim=1))
        for block in self.before:
            h = block(h, embedding)
        deep = self.down(h)
        for block in self.middle:
            deep = block(deep, embedding)
        h = self.merge(torch.cat([h, self.up(deep)], dim=1))
        for block in self.after:
            h = block(h, embedding)
        out = F.pixel_shuffle(self.leave(F.silu(h)), 2)
        return out[..., :height, :width]


def noise_level(sigma: Tensor) -> Tensor:
    """EDM's conditioning c_noise = ln(σ)/4, times π so that the embedding's waves resolve it."""
    return sigma.log() / 4 * math.pi
