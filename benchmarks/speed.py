"""The benchmarks: each returns what it compares and the two sides to be timed."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch.nn import functional as F

from benchmarks import plain
from offmanifold import objectives
from offmanifold._core.precision import region
from offmanifold._core.randomness import image_noise
from offmanifold.attacks import PGD
from offmanifold.data.types import Batch
from offmanifold.manifolds import AutoencoderManifold, DenoiserManifold, ManifoldCard
from offmanifold.measures.on_off_change import SIDES, output_changes
from offmanifold.measures.probe import Probe, Scene, Settings
from offmanifold.models import SmallResNet
from offmanifold.objectives import Objective


@dataclass(frozen=True)
class Race:
    """Two ways to the same result.

    check: raises unless they agree. share: of the work that the plain side does, which then is
    compared with as much of ours.
    """

    name: str
    ours: Callable[[], torch.Tensor]
    plain: Callable[[], torch.Tensor]
    check: Callable[[torch.Tensor, torch.Tensor], None]
    target: float | None = None
    share: float = 1.0


def attack(autocast: bool) -> Race:
    """PGD-10 on 128 images of 1×28×28, small-resnet, same steps, rise of the loss within 2 %."""
    model, plain_model, x, y = twins()

    def ours() -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        images = x.contiguous(memory_format=torch.channels_last)
        attack = PGD(eps=2.0, steps=10, keep_best=False)
        with region("cpu", "bf16" if autocast else "fp32"):
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


def twins() -> tuple[SmallResNet, SmallResNet, torch.Tensor, torch.Tensor]:
    """Return our model, channels last, the plain one (NCHW) of the same weights, and 128 images
    of 1×28×28."""
    torch.manual_seed(0)
    model = SmallResNet(1, 10)
    plain_model = copy.deepcopy(model)
    plain_model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return model, plain_model, torch.rand(128, 1, 28, 28), torch.randint(0, 10, (128,))


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    """Raise unless two losses agree within 2 %."""
    assert abs(float(a) / float(b) - 1) < 0.02, (float(a), float(b))


def training_step(objective: Objective, plain_step: Callable, target: float) -> Race:
    """One step of AdamW on 128 images, small-resnet; the same loss within 2 %."""
    model, plain_model, x, y = twins()
    optimisers = [torch.optim.AdamW(m.parameters(), 1e-5) for m in (model, plain_model)]

    def ours() -> torch.Tensor:
        images = x.contiguous(memory_format=torch.channels_last)
        with region("cpu", "bf16"):
            loss = objective(model, images, y, generator=torch.Generator()).per_sample.mean()
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        return loss.detach()

    name = f"training step, {objective.name.replace('_', '-')}"
    return Race(name, ours, lambda: plain_step(plain_model, optimisers[1], x, y), close, target)


def pgd_step() -> Race:
    """Adversarial training with ten steps of attack."""
    return training_step(
        objectives.PGD(eps=2.0, steps=10), lambda *a: plain.pgd_step(*a, eps=2.0, steps=10), 2.5
    )


def gradient_norm_step() -> Race:
    """The exact penalty on the input gradient."""
    return training_step(
        objectives.GradientNorm(1.0), lambda *a: plain.gradient_norm_step(*a, weight=1.0), 1.7
    )


def torchattacks_attack(autocast: bool) -> Race:
    """PGD-10 against torchattacks' PGDL2, where it is installed (`make oracle` has it)."""
    import torchattacks

    race = attack(autocast)
    _, plain_model, x, y = twins()
    theirs = torchattacks.PGDL2(plain_model, eps=2.0, alpha=0.5, steps=10)
    name = race.name + ", against torchattacks"
    return Race(name, race.ours, lambda: theirs(x, y), race.check, race.target)


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


def tangent_noise() -> Race:
    """Noise in the tangent space of one image of 3×32×32, codes of 128 dimensions."""
    torch.manual_seed(0)
    manifold = fresh_autoencoder((3, 32, 32), latent=128)
    x, z = torch.rand(1, 3, 32, 32), torch.randn(3072)

    def ours() -> torch.Tensor:
        basis = manifold.basis(x.clone(), 128)[0]  # a clone: frames are kept as long as their image
        return (z @ basis.T) @ basis

    def plainly() -> torch.Tensor:
        columns = plain.decoder_tangent(manifold.decoder, manifold.encoder(x)[0])
        return columns @ (columns.T @ z)

    def check(a: torch.Tensor, b: torch.Tensor) -> None:
        assert (a - b).norm() < 1e-4 * b.norm(), (a - b).norm() / b.norm()

    return Race("tangent-space noise, k = 128, d = 3072", ours, plainly, check, 50)


def fresh_autoencoder(shape: tuple[int, int, int], latent: int) -> AutoencoderManifold:
    """Return an autoencoder of random weights."""
    card = ManifoldCard("fresh", "", shape, sigma=0.25, dimension=float(latent))
    manifold = AutoencoderManifold(card, width=32, latent=latent)
    return manifold.eval().requires_grad_(False)


def robustness(images: int = 64, plain_images: int = 4) -> Race:
    """On- and off-manifold changes by 16 directions and 8 steps, tangent spaces included."""
    torch.manual_seed(0)
    shape, steps = (1, 28, 28), [2.0**i for i in range(-4, 4)]
    manifold = fresh_autoencoder(shape, latent=32)
    model, plain_model, *_ = twins()
    x, index = torch.rand(images, *shape), torch.arange(images)
    settings = Settings(directions=16, reference_step=1.0)

    def ours() -> torch.Tensor:
        scene = Scene(Batch(x.clone(), None, None, index), None, manifold, None, settings)
        moved = [output_changes(Probe(scene, model), side, steps) for side in SIDES]
        return torch.stack([m.abs().sum(3).mean(1) for m in moved])

    def plainly() -> torch.Tensor:
        few = x[:plain_images]
        codes = [manifold.encoder(one[None])[0] for one in few]
        tangents = [plain.decoder_tangent(manifold.decoder, code) for code in codes]
        z = [
            image_noise(shape, index[:plain_images], seed=0, name="manifold", draw=i)
            for i in range(16)
        ]
        return plain.on_off_changes(plain_model, few, tangents, torch.stack(z), steps)

    def check(a: torch.Tensor, b: torch.Tensor) -> None:
        torch.testing.assert_close(a[..., : b.shape[-1]], b, rtol=1e-3, atol=1e-4)

    name = "on- and off-manifold changes, 16 directions, 8 steps"
    return Race(name, ours, plainly, check, 10, share=plain_images / images)


def generation() -> Race:
    """64 images generated by ascent."""
    from benchmarks.synthesis import generation as race

    return race()


RACES: list[Callable[[], Race]] = [
    lambda: attack(autocast=True),
    lambda: attack(autocast=False),
    pgd_step,
    gradient_norm_step,
    tangent,
    tangent_noise,
    robustness,
    generation,
]
if find_spec("torchattacks"):
    RACES += [lambda: torchattacks_attack(autocast=True), lambda: torchattacks_attack(False)]
