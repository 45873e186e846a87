"""Small modules that turn what a network takes and gives into images in [0, 1] → logits."""

from typing import Any

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Images in [0, 1] → (images − mean) / std, per channel."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        # not in the state dict: it belongs to the architecture, not to what was learnt
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class GreyToColour(nn.Module):
    """Grey images (n, 1, h, w) → the same in three channels, for networks that take colour."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != 1:
            raise ValueError(f"the model takes grey images, not images of {x.shape[1]} channels")
        return x.expand(-1, 3, -1, -1)


class LogitsOf(nn.Module):
    """An output object with `.logits`, as Hugging Face's models give → the logits."""

    def forward(self, output: Any) -> Tensor:
        return output.logits


class Tempered(nn.Module):
    """A classifier whose logits are divided by a temperature, which changes no decision."""

    def __init__(self, classifier: nn.Module, temperature: float):
        super().__init__()
        self.classifier, self.temperature = classifier, temperature

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(x) / self.temperature


class TwoLogits(nn.Module):
    """One logit (n, 1) → (n, 2) logits (0, s), with the same sigmoid as their softmax."""

    def forward(self, s: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(s), s], 1)


class CopyOf(nn.Module):
    """Images → a copy of them, for a network that writes into what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class LogOf(nn.Module):
    """Probabilities (n, k) → their logarithms, logits of the same softmax.

    Those that have rounded to 0 are clamped at the least number of float32, e⁻⁸⁷, where the order
    and the gradient are lost.
    """

    def forward(self, p: Tensor) -> Tensor:
        return p.float().clamp(min=torch.finfo(torch.float32).tiny).log()


class LogOddsOf(nn.Module):
    """Probabilities (n, k), each for itself → log p − log(1 − p).

    Those that have rounded to 1 (beyond 16 nats in float32) or to 0 are clamped, where the order
    and the gradient are lost.
    """

    def forward(self, p: Tensor) -> Tensor:
        limits = torch.finfo(torch.float32)
        p = p.float().clamp(limits.tiny, 1 - limits.eps / 2)
        return p.log() - torch.log1p(-p)
