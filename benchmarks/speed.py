"""The benchmarks: each returns what it compares and the two sides to be timed."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from benchmarks import plain
from offmanifold.attacks import PGD
from offmanifold.manifold import DenoiserManifold, ManifoldCard
from offmanifold.models import SmallResNet
from offmanifold.precision import fast_autocast
from offmanifold.randomness import image_noise


@dataclass(frozen=True)
class Race:
    """Two ways to the same result. check: raises unless they agree."""

    name: str
    ours: Callable[[], torch.Tensor]
    plain: Callable[[], torch.Tensor]
    check: Callable[[torch.Tensor, torch.Tensor], None]
    target: float | None = None


def attack(autocast: bool) -> Race:
    """PGD-10 on 128 images of 1×28×28, small-resnet, same steps, rise of the loss within 2 %."""
    torch.manual_seed(0)
    model = SmallResNet(1, 10)
    plain_model = SmallResNet(1, 10)
    plain_model.load_state_dict(model.state_dict())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, y = torch.rand(128, 1, 28, 28), torch.randint(0, 10, (128,))

    def ours() -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        images = x.contiguous(memory_format=torch.channels_last)
        attack = PGD(eps=2.0, steps=10, keep_best=False)
        with fast_autocast("cpu") if autocast else nullcontext():
            return attack(model, images, y, generator=generator)

    def check(a: torch.Tensor, b: torch.Tensor) -> None:
        with torch.no_grad():
            clean, one, two = (float(F.cross_entropy(plain_model(v), y)) for v in (x, a, b))
        rise = (one - clean) / (two - clean)  # the loss itself moves little in an untrained net
        assert two > clean, (clean, one, two)
        assert abs(rise - 1) < 0.02, (clean, one, two)

    name = "PGD-10 attack" + ("" if autocast else ", fp32 on both sides")
    return Race(
        name,
        ours,
        lambda: plain.pgd_l2(plain_model, x, y, 2.0, 10),
        check,
        2.5 if autocast else 1.2,
    )


def tangent() -> Race:
    """vᵀJ̄v of 4 images of 1×16×16: jvps against full Jacobians by backward passes."""
    torch.manual_seed(0)
    card = ManifoldCard("fresh", "", (1, 16, 16), sigma=0.25, dimension=16.0)
    manifold = DenoiserManifold(card, sigma_data=0.6, width=16, depth=3).requires_grad_(False)
    for parameter in manifold.parameters():
        parameter.normal_(0, 0.05)
    x, v = torch.rand(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    draws = [
        image_noise((1, 16, 16), torch.arange(4), seed=0, name="manifold", draw=d) for d in range(4)
    ]

    def check(a: torch.Tensor, b: torch.Tensor) -> None:
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)

    return Race(
        "energy on the manifold, d = 256",
        lambda: manifold.energy(x, v),
        lambda: plain.tangent_energies(manifold.denoise, x, v, 0.25, draws),
        check,
    )


RACES: list[Callable[[], Race]] = [
    lambda: attack(autocast=True),
    lambda: attack(autocast=False),
    tangent,
]
