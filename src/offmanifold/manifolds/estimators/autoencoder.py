"""The tangent space spanned by the decoder of an autoencoder, as in Srinivas et al. 2023."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap
from torch.nn import functional as F

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold._core.optimisation import Schedule, optimise
from offmanifold._core.randomness import generator_of
from offmanifold.data.types import Data, Split
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.fit import Place, estimators, pixel_deviation
from offmanifold.manifolds.frames import Frame, FrameManifold
from offmanifold.manifolds.gates import complete

HELD_OUT, JUDGED = 256, 64  # validation images that stop the fit, and measure the gates


class Encoder(nn.Module):
    """Images (n, c, h, w) → mean and log-variance of the code, (n, k) each."""

    def __init__(self, shape: tuple[int, int, int], width: int, latent: int):
        super().__init__()
        c, h, w = shape
        self.layers = nn.Sequential(
            nn.Conv2d(4 * c, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 2, stride=2),
            nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * _quarter(h) * _quarter(w), 2 * latent),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h, w = x.shape[-2:]
        x = F.pad(2 * x - 1, (0, -w % 4, 0, -h % 4), mode="replicate")
        mean, log_variance = self.layers(F.pixel_unshuffle(x, 2)).chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """Codes (n, k) → images (n, c, h, w)."""

    def __init__(self, shape: tuple[int, int, int], width: int, latent: int):
        super().__init__()
        self.shape = c, h, w = shape
        self.small = (2 * width, _quarter(h), _quarter(w))
        self.enter = nn.Linear(latent, 2 * width * self.small[1] * self.small[2])
        self.layers = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 2, stride=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 4 * c, 3, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        _, h, w = self.shape
        field = self.layers(self.enter(z).unflatten(1, self.small))
        return (F.pixel_shuffle(field, 2)[..., :h, :w] + 1) / 2


class AutoencoderManifold(FrameManifold):
    """At x: N(g(z), JJᵀ), z the code of x, J the Jacobian of the decoder g, codes ~ N(0, I)."""

    def __init__(self, card: ManifoldCard, width: int, latent: int):
        super().__init__()
        self.card, self.latent = card, latent
        self.encoder = Encoder(card.shape, width, latent)
        self.decoder = Decoder(card.shape, width, latent)

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        code = self.encoder(x)[0]
        axes = torch.eye(self.latent).to(code)[:, None].expand(-1, len(code), -1)
        origin = self.decoder(code).flatten(1)
        columns = vmap(lambda axis: jvp(self.decoder, (code,), (axis,))[1])(axes)
        jacobian = columns.flatten(2).transpose(0, 1)  # (n, k, d)
        _, values, rows = torch.linalg.svd(jacobian, full_matrices=False)
        return Frame(rows, values.square(), origin)


@estimators.register("autoencoder")
@dataclass(frozen=True)
class Autoencoder:
    """The image of a decoder's Jacobian at the code of an image (Srinivas et al. 2023).

    A variational autoencoder (Kingma & Welling 2014) with decoder noise `deviation`: codes follow
    N(0, I), so that a singular value of the Jacobian is the extent of the data along its direction,
    and codes that nothing is gained by fall silent. Tangent spaces alone, no score. Memory: the
    weights. Cost: one encoding, `latent` jvps of the decoder and one decomposition (latent ×
    pixels) an image.

    Attributes:
        latent: dimension of the code.
        width: channels at half resolution.
        steps: optimiser steps; by default 40 passes over the images, 600 to 6,000.
        batch_size: images a step.
        lr: peak learning rate.
        deviation: noise of the decoder, per pixel in [0, 1].
    """

    name: ClassVar[str]
    latent: int = 64
    width: int = 32
    steps: int | None = None
    batch_size: int = 64
    lr: float = 2e-3
    deviation: float = 0.1

    def __post_init__(self):
        for field in ("latent", "width", "steps", "batch_size", "lr", "deviation"):
            value = getattr(self, field)
            if value is not None and not value > 0:
                raise InputError(f"the autoencoder needs {field} > 0, not {value}")

    def resolved(self, train: Split) -> "Autoencoder":
        """Return the same with defaults that depend on the data filled in."""
        n = len(train)
        batch = min(self.batch_size, n)
        steps = self.steps or min(6000, max(600, 40 * n // batch))
        latent = min(self.latent, train.shape[0] * train.shape[1] * train.shape[2])
        return replace(self, steps=steps, batch_size=batch, latent=latent)

    def fit(
        self, data: Data, card: ManifoldCard, engine: Engine, place: Place
    ) -> AutoencoderManifold:
        """Fit on data.train, stop and choose σ on data.val; see `fit_manifold`."""
        settings = self.resolved(data.train)
        assert settings.steps is not None
        pixel_deviation(data.train)
        card, seed = replace(card, classes=None), place.seed
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            manifold = AutoencoderManifold(card, settings.width, settings.latent)
        manifold.to(engine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        held_out = data.val.subset(HELD_OUT, seed)
        judged = held_out.read(held_out.rows).x.to(engine.device)

        def evidence(x: Tensor, z: Tensor) -> Tensor:
            """Return −log p(x|z)·2s² + 2s²·KL, up to a constant: a mean over images."""
            mean, log_variance = (t.float() for t in manifold.encoder(x))
            rebuilt = manifold.decoder(mean + (log_variance / 2).exp() * z).float()
            error = (rebuilt - x).square().flatten(1).sum(1)
            divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
            return (error + 2 * settings.deviation**2 * divergence).mean()

        def loss_at(step: int) -> tuple[Tensor, dict[str, float]]:
            generator = generator_of("autoencoder", seed, step)
            rows = torch.randint(len(data.train), (settings.batch_size,), generator=generator)
            x = data.train.read(data.train.rows[rows.numpy()]).x
            z = torch.randn(len(x), settings.latent, generator=generator)
            x = x.to(engine.device, memory_format=torch.channels_last)
            return evidence(x, z.to(x)), {}

        def held_out_error() -> dict[str, float]:
            generator = generator_of("autoencoder", seed)
            z = torch.randn(len(judged), settings.latent, generator=generator)
            with torch.no_grad():
                return {"held_out": float(evidence(judged, z.to(judged)))}

        log = optimise(
            manifold,
            loss_at,
            Schedule(settings.steps, lr=settings.lr, rise=0.05),
            engine,
            title="fitting the manifold",
            checkpoint=place.checkpoint,
            ema=0.995,
            watch=held_out_error,
            watch_every=max(1, settings.steps // 30),
            least="held_out",
            show=place.show,
        )
        manifold.eval().requires_grad_(False)
        place.log.extend(log)
        complete(manifold, data, images=JUDGED, seed=seed)
        return manifold

    def rebuild(self, card: ManifoldCard, tensors: dict[str, Tensor]) -> AutoencoderManifold:
        """Return a saved manifold."""
        manifold = AutoencoderManifold(card, self.width, self.latent)
        manifold.load_state_dict(tensors)
        return manifold


def _quarter(pixels: int) -> int:
    return -(-pixels // 4)
