"""Noise that depends on (seed, name, draw, image index) alone.

The same image meets the same noise whatever the batch size, the order or the device, so every
model, measure and control of an audit is seen under the same draws.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

# float64, which a script may have made torch's default, would be other draws
_rand = partial(torch.rand, dtype=torch.float32)
_randn = partial(torch.randn, dtype=torch.float32)


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
    samples = [_randn(shape, generator=generator_of(seed, name, draw, int(i))) for i in index]
    return torch.stack(samples) if samples else torch.empty(0, *shape)


class ImageNoise:
    """A stand-in for a `torch.Generator` whose draws depend on the image, not on the batch."""

    def __init__(self, index: Tensor, *, seed: int, name: str):
        self.index, self.seed, self.name, self.draw = index, seed, name, 0

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Return the next draw, standard normal (n, *shape)."""
        noise = image_noise(shape, self.index, seed=self.seed, name=self.name, draw=self.draw)
        self.draw += 1
        return noise

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Return the next draw, U[0, 1) (n, *shape)."""
        parts = [generator_of(self.seed, self.name, self.draw, int(i)) for i in self.index]
        self.draw += 1
        rows = [_rand(shape, generator=g) for g in parts]
        return torch.stack(rows) if rows else torch.empty(0, *shape)

    def at(self, rows: Tensor) -> "ImageNoise":
        """Return the noise of some of the images, which goes on from here; rows: (m,) places."""
        chosen = ImageNoise(self.index[rows.cpu()], seed=self.seed, name=self.name)
        chosen.draw = self.draw
        return chosen


class PartNoise:
    """A stand-in for a `torch.Generator` in one of several processes that share a batch.

    It draws for the whole batch and gives the rows of this process, so that an image meets the
    same noise however many processes there are. rows: (m,) places in the batch of `total` images.
    """

    def __init__(self, generator: torch.Generator, rows: Tensor, total: int):
        self.generator, self.rows, self.total = generator, rows, total

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Return the next draw, standard normal (m, *shape)."""
        return _randn((self.total, *shape), generator=self.generator)[self.rows]

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Return the next draw, U[0, 1) (m, *shape)."""
        return _rand((self.total, *shape), generator=self.generator)[self.rows]

    def at(self, rows: Tensor) -> "PartNoise":
        """Return the noise of some of this process's images; rows: (m,) places among them."""
        return PartNoise(self.generator, self.rows[rows.cpu()], self.total)


Randomness = torch.Generator | ImageNoise | PartNoise


def normal_like(x: Tensor, generator: Randomness) -> Tensor:
    """Return standard normal noise of the shape, dtype and device of x: (n, c, h, w)."""
    if isinstance(generator, torch.Generator):
        return _randn(x.shape, generator=generator, device=generator.device).to(x)
    return generator.normal(tuple(x.shape[1:])).to(x)


def uniform_like(x: Tensor, generator: Randomness) -> Tensor:
    """Return draws from U[0, 1) of the shape, dtype and device of x: (n, c, h, w)."""
    return uniform(len(x), tuple(x.shape[1:]), generator).to(x)


def uniform(n: int, shape: tuple[int, ...], generator: Randomness) -> Tensor:
    """Return draws from U[0, 1), (n, *shape) float32, one row an image of the batch."""
    if isinstance(generator, torch.Generator):
        return _rand((n, *shape), generator=generator, device=generator.device)
    return generator.uniform(shape)


def at_rows(generator: Randomness, rows: Tensor) -> Randomness:
    """Return the randomness of some images of a batch; a plain generator simply goes on."""
    return generator if isinstance(generator, torch.Generator) else generator.at(rows)


class LayerNoise:
    """What layers such as dropout draw from now on, so that a second pass can draw it again."""

    def __init__(self, device: torch.device):
        self.cuda = [device] if device.type == "cuda" else []
        self.states = [torch.get_rng_state(), *(torch.cuda.get_rng_state(d) for d in self.cuda)]

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same as before inside; leave the global generators as found."""
        with torch.random.fork_rng(self.cuda):
            torch.set_rng_state(self.states[0])
            for device, state in zip(self.cuda, self.states[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            yield
