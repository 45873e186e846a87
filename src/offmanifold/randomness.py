"""Noise that depends on (seed, name, draw, image index) alone.

The same image meets the same noise whatever the batch size, the order or the device, so every
model, measure and control of an audit is seen under the same draws.
"""

import hashlib

import torch
from torch import Tensor


def seed_of(*parts: object) -> int:
    """Return a 63-bit seed made of any printable parts, the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_of(*parts: object, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator seeded by `seed_of(*parts)`."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


def image_noise(
    shape: tuple[int, ...], index: Tensor, *, seed: int, name: str, draw: int = 0
) -> Tensor:
    """Return standard normal noise, one sample an image.

    shape: of one image, (c, h, w). index: (n,) image indices. Returns (n, c, h, w) float32 on the
    CPU, equal for equal (seed, name, draw, index).
    """
    samples = [torch.randn(shape, generator=generator_of(seed, name, draw, int(i))) for i in index]
    return torch.stack(samples) if samples else torch.empty(0, *shape)


class ImageNoise:
    """A stand-in for a `torch.Generator` whose draws depend on the image, not on the batch."""

    def __init__(self, index: Tensor, *, seed: int, name: str):
        self.index, self.seed, self.name, self.draw = index, seed, name, 0

    def normal(self, x: Tensor) -> Tensor:
        """Return the next draw, standard normal of the shape (n, c, h, w) of x."""
        noise = image_noise(
            tuple(x.shape[1:]), self.index, seed=self.seed, name=self.name, draw=self.draw
        )
        self.draw += 1
        return noise.to(x)


def normal_like(x: Tensor, generator: torch.Generator | ImageNoise) -> Tensor:
    """Return standard normal noise of the shape, dtype and device of x: (n, c, h, w)."""
    if isinstance(generator, ImageNoise):
        return generator.normal(x)
    noise = torch.randn(x.shape, generator=generator, device=generator.device)
    return noise.to(x)
