import torch
from torch import nn

from offmanifold.attacks import masked, masking_signs, robust_accuracy


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    def __init__(self, steps: bool):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        mean = x.flatten(1).mean(1)
        if self.steps:  # gradients are zero almost everywhere
            mean = (mean * 40).round() / 40
        return torch.stack([mean - 0.48, 0.48 - mean], 1)


def signs(model: nn.Module, eps: float) -> dict[str, float]:
    x = 0.4 + 0.2 * torch.rand(100, 1, 6, 6, generator=seeded())
    y = model(x).argmax(1)
    survival = robust_accuracy(model, x, y, eps, generator=seeded(), queries=100)
    found = masking_signs(model, x, y, eps, survival=survival, generator=seeded())
    names = ("black_box", "own_norm", "more_steps")
    return {name: float(getattr(found, name).float().mean()) for name in names}


def test_an_honest_model_shows_no_sign():
    shares = signs(Linear(steps=False), 0.1)
    assert masked(shares) == []


def test_rounded_logits_are_seen_through():
    shares = signs(Linear(steps=True), 0.3)
    assert shares["black_box"] > 0.2
    assert shares["own_norm"] > 0.2
    assert {"black_box", "own_norm"} <= set(masked(shares))


def test_what_is_tolerated():
    assert masked({"black_box": 0.01, "own_norm": 0.011, "more_steps": 0.0}) == ["own_norm"]
