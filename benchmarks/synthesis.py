"""Generation by ascent against the same steps as they are usually written.

    python -m benchmarks.synthesis [PAIRS]

prints seconds, ratio and final objectives of both, side by side; `make bench` races them too.
"""

import statistics
import sys
import time

import torch
from torch.nn import functional as F

from benchmarks import plain
from benchmarks.speed import Race, twins
from offmanifold._core.memory import freed_memory_kept
from offmanifold.synthesis import Ascent, ClassGaussians, Method, generate

IMAGES, STEPS, EPS, TARGET = 64, 60, 8.0, 2.0
INDEX = torch.arange(IMAGES)
Y = INDEX % 10


def seeds() -> ClassGaussians:
    """Return Gaussians of 7×7 block means of 1×28×28 images, a tenth of grey in each direction."""
    generator = torch.Generator().manual_seed(0)
    means = 0.3 + 0.2 * torch.rand(10, 49, generator=generator)
    factors = 0.1 * torch.eye(49).expand(10, -1, -1)
    return ClassGaussians((1, 28, 28), (1, 7, 7), means, factors, (1,) * 10)


def generation(autocast: bool = True) -> Race:
    """64 images of 1×28×28, small-resnet, 60 steps in a ball of 8; rise of log p within 2 %."""
    model, plain_model, *_ = twins()
    drawn = seeds()
    start = drawn.draw(Y, INDEX)
    how = Method(
        "ascent", ascent=Ascent(steps=STEPS, eps=EPS, precision="bf16" if autocast else "fp32")
    )

    def check(a: torch.Tensor, b: torch.Tensor) -> None:
        before, one, two = (objective(plain_model, v) for v in (start, a, b))
        assert two > before, (before, two)
        assert abs((one - before) / (two - before) - 1) < 0.02, (before, one, two)

    return Race(
        "generate 64 images, 60 steps" + ("" if autocast else ", fp32 on both sides"),
        lambda: generate(model, Y, drawn, how).images,
        lambda: plain.generate(plain_model, start, Y, EPS, STEPS),
        check,
        TARGET if autocast else None,
    )


def objective(model: torch.nn.Module, x: torch.Tensor) -> float:
    """Return the mean of log p(y | x)."""
    with torch.no_grad():
        return -float(F.cross_entropy(model(x), Y))


def main(pairs: int = 3) -> None:
    """Time both ways in turn, and print what came out."""
    model = twins()[1]
    for autocast in (True, False):
        race = generation(autocast)
        race.check(race.ours(), race.plain())
        ours, theirs = [], []
        with freed_memory_kept():
            for _ in range(pairs):
                for act, seconds in ((race.ours, ours), (race.plain, theirs)):
                    begun = time.perf_counter()
                    result = act()
                    seconds.append(time.perf_counter() - begun)
                    print(f"  {seconds[-1]:.2f} s, mean log p {objective(model, result):.5f}")
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        print(f"{race.name}: {ratio:.2f} times as fast as the plain way")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
