"""The default manifold: a small denoiser with EDM preconditioning, with and without the class."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.device import Engine
from offmanifold._core.errors import Diverged, InputError
from offmanifold._core.log import note
from offmanifold._core.optimisation import Schedule, optimise
from offmanifold._core.randomness import generator_of
from offmanifold.data.types import Data, Split
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.estimators.unet import UNet, noise_level
from offmanifold.manifolds.fit import Place, estimators, pixel_deviation
from offmanifold.manifolds.gates import PREFERRED, complete
from offmanifold.manifolds.tweedie import TweedieManifold

CHECKPOINTS = (".pt", ".half.pt", ".quarter.pt")  # of attempts, by their learning rate
TRAINED = 3  # standard deviations of ln σ about its mean, beyond which it was hardly trained
HELD_OUT = 512  # validation images that stop the fit and measure the gates


class DenoiserManifold(TweedieManifold):
    """D(x; σ) = c_skip x + c_out F(c_in x, ln σ) in u = 2x − 1 (Karras et al. 2022, Table 1)."""

    sigma_data: Tensor  # standard deviation of all pixels in u

    def __init__(self, card: ManifoldCard, sigma_data: float, width: int, depth: int):
        super().__init__()
        self.card = card
        self.width, self.depth = width, depth
        self.register_buffer("sigma_data", torch.tensor(sigma_data))
        self.classes = len(card.classes) if card.classes else 0
        self.net = UNet(card.shape[0], self.classes, width, depth)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def denoise(self, noisy: Tensor, y: Tensor | None, sigma: Tensor | float) -> Tensor:
        sigma_u = 2 * torch.as_tensor(sigma, dtype=noisy.dtype, device=noisy.device)
        sigma_u = sigma_u.expand(len(noisy))
        s = sigma_u[:, None, None, None]
        total = s.square() + self.sigma_data.square()
        c_skip = self.sigma_data.square() / total
        c_out = s * self.sigma_data * total.rsqrt()
        c_in = total.rsqrt()
        u = 2 * noisy - 1
        if y is None:
            y = torch.full((len(noisy),), self.classes, device=noisy.device)
        field = self.net(c_in * u, noise_level(sigma_u), y)
        return (c_skip * u + c_out * field.to(u.dtype) + 1) / 2


@estimators.register("denoiser")
@dataclass(frozen=True)
class Denoiser:
    """A small U-Net that takes Gaussian noise off images (Karras et al. 2022).

    Cost: `distractor:digits` under a minute, MNIST about five, on two cores.

    Attributes:
        width: channels at half resolution; by default 32, or 48 from 10,000 training images on.
        depth: residual blocks at a quarter of the resolution.
        steps: optimiser steps; by default 60 passes over the images, 600 to 6,000.
        batch_size: images a step.
        lr: peak learning rate.
        label_dropout: share of images shown without their class.
        log_sigma: mean of ln σ of the noise trained on, σ per pixel in [0, 1].
        log_sigma_sd: standard deviation of ln σ.
    """

    name: ClassVar[str]
    width: int | None = None
    depth: int = 3
    steps: int | None = None
    batch_size: int = 64
    lr: float = 6e-3
    label_dropout: float = 0.3
    log_sigma: float = -1.6
    log_sigma_sd: float = 1.0

    def __post_init__(self):
        for field in ("width", "depth", "steps", "batch_size", "lr", "log_sigma_sd"):
            value = getattr(self, field)
            if value is not None and not value > 0:
                raise InputError(f"the denoiser needs {field} > 0, not {value}")
        if not 0 <= self.label_dropout <= 1:
            raise InputError(
                f"the denoiser needs label_dropout in [0, 1], not {self.label_dropout}"
            )

    def resolved(self, train: Split) -> "Denoiser":
        """Return the same with defaults that depend on the data filled in."""
        n = len(train)
        batch = min(self.batch_size, n)
        steps = self.steps or min(6000, max(600, 60 * n // batch))
        return replace(
            self, width=self.width or (32 if n < 10_000 else 48), steps=steps, batch_size=batch
        )

    def fit(self, data: Data, card: ManifoldCard, engine: Engine, place: Place) -> DenoiserManifold:
        """Fit on data.train, choose σ on data.val; see `fit_manifold`.

        A fit whose loss explodes is begun again with half the learning rate, twice at most.
        """
        settings = self.resolved(data.train)
        kept = [place.checkpoint and place.checkpoint.with_suffix(s) for s in CHECKPOINTS]
        for attempt, checkpoint in enumerate(kept):
            try:
                fitted = settings._fitted(data, card, engine, replace(place, checkpoint=checkpoint))
                break
            except Diverged as error:
                if attempt == len(kept) - 1:
                    raise
                settings = replace(settings, lr=settings.lr / 2)
                note(f"{error}; begun again with `lr` {settings.lr:g}")
        for checkpoint in kept[1:]:
            if checkpoint is not None:
                checkpoint.unlink(missing_ok=True)
        complete(fitted, data, images=HELD_OUT, seed=place.seed)
        return fitted

    def _fitted(
        self, data: Data, card: ManifoldCard, engine: Engine, place: Place
    ) -> DenoiserManifold:
        """Return the denoiser where its error on data.val was least, its gates not measured yet."""
        settings, seed = self, place.seed
        assert settings.steps is not None
        held_out = data.val.subset(HELD_OUT, seed)
        judged = held_out.read(held_out.rows)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            manifold = settings._unfitted(card, pixel_deviation(data.train))
        manifold.to(engine.device)
        labels = card.classes is not None

        def loss_at(step: int) -> tuple[Tensor, dict[str, float]]:
            generator = generator_of("denoiser", seed, step)
            rows = torch.randint(len(data.train), (settings.batch_size,), generator=generator)
            batch = data.train.read(data.train.rows[rows.numpy()])
            x = batch.x.to(engine.device, memory_format=torch.channels_last)
            y = torch.full((len(x),), manifold.classes)
            if labels and batch.y is not None:
                shown = torch.rand(len(x), generator=generator) >= settings.label_dropout
                y = torch.where(shown, batch.y, y)
            z = torch.randn(x.shape, generator=generator).to(x)
            draw = torch.randn(len(x), generator=generator)
            sigma = (settings.log_sigma + settings.log_sigma_sd * draw).exp().to(x)
            s, sd = 2 * sigma, manifold.sigma_data
            weight = (s.square() + sd.square()) / (s * sd).square()  # EDM's λ(σ), in u
            denoised = manifold.denoise(x + sigma[:, None, None, None] * z, y.to(x.device), sigma)
            error = (2 * (denoised - x)).square().flatten(1).mean(1)
            return (weight * error).mean(), {}

        def held_out_error() -> dict[str, float]:
            """Return E‖D − x‖² at PREFERRED, in pixels², by one draw of noise an image."""
            x = judged.x.to(engine.device)
            noisy = next(manifold.noisy(x, PREFERRED, judged.index))
            with torch.no_grad():
                error = manifold.denoise(noisy, None, PREFERRED) - x
            return {"held_out": float(error.square().flatten(1).sum(1).mean())}

        log = optimise(
            manifold,
            loss_at,
            Schedule(settings.steps, lr=settings.lr, rise=0.05),
            engine,
            title="fitting the manifold",
            checkpoint=place.checkpoint,
            ema=0.995,
            watch=held_out_error,
            watch_every=max(1, settings.steps // 20),
            least="held_out",
            show=place.show,
        )
        manifold.eval().requires_grad_(False)
        place.log.extend(log)
        return manifold

    def rebuild(self, card: ManifoldCard, tensors: dict[str, Tensor]) -> DenoiserManifold:
        """Return a saved manifold."""
        manifold = self._unfitted(card, float(tensors["sigma_data"]))
        manifold.load_state_dict(tensors)
        return manifold

    def _unfitted(self, card: ManifoldCard, sigma_data: float) -> DenoiserManifold:
        assert self.width is not None
        manifold = DenoiserManifold(card, sigma_data, self.width, self.depth)
        reach = TRAINED * self.log_sigma_sd
        manifold.noise = (math.exp(self.log_sigma - reach), math.exp(self.log_sigma + reach))
        return manifold
