"""Which normalisation the default network should have, by speed and by robust accuracy.

    python -m benchmarks.normalisation --data mnist.npz

Trains small-resnet without normalisation (SkipInit), with batch and with group normalisation by the
same recipe, and times the attack and the training step of each.
"""

import argparse
import time

import torch
from torch import nn

import offmanifold as om
from offmanifold._core.precision import region
from offmanifold.attacks import PGD, misclassified, robust_accuracy
from offmanifold.cli.base import print_table
from offmanifold.models import Loaded, ModelCard, SmallResNet
from offmanifold.models.small_resnet import Block

KINDS = {
    "none (SkipInit)": None,
    "batch": nn.BatchNorm2d,
    "group of 8": lambda width: nn.GroupNorm(max(1, width // 8), width),
}


def network(kind: str, channels: int, classes: int) -> SmallResNet:
    """Return small-resnet with a normalisation after each convolution of its blocks."""
    torch.manual_seed(0)
    model = SmallResNet(channels, classes)
    make = KINDS[kind]
    for block in model.modules() if make else ():
        if isinstance(block, Block):
            width = block.first.out_channels
            block.first = nn.Sequential(block.first, make(width))  # type: ignore[assignment]
            block.second = nn.Sequential(block.second, make(width))  # type: ignore[assignment]
    return model


def seconds(run) -> float:
    """Return the median of 5 timings after one to warm up."""
    run()
    found = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return sorted(found)[2]


def row(kind: str, data: om.Data, epochs: int, eps: float, images: int) -> list[str]:
    """Return a row of the table: speed in images/s, accuracies on test images."""
    assert data.classes is not None
    model = network(kind, data.shape[0], len(data.classes))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, y = torch.rand(128, *data.shape), torch.randint(0, len(data.classes), (128,))
    x = x.contiguous(memory_format=torch.channels_last)
    objective = om.objectives.PGD(eps=eps, steps=10)

    def attack() -> None:
        with region("cpu", "bf16"):
            PGD(eps, keep_best=False)(model, x, y, generator=torch.Generator())

    def step() -> None:
        with region("cpu", "bf16"):
            loss = objective(model, x, y, generator=torch.Generator()).per_sample.mean()
        loss.backward()

    speeds = [f"{128 / seconds(run):.0f}" for run in (attack, step)]
    loaded = Loaded(network(kind, data.shape[0], len(data.classes)), ModelCard("bench"))
    recipe = om.Recipe(epochs=epochs, batch_size=128)
    trained = om.train(
        loaded,
        data,
        objective=om.objectives.PGD(eps=eps),
        recipe=recipe,
        save=False,
        precision="bf16",
    )
    whole = data.test.subset(5000)
    batch = whole.read(whole.rows)
    clean = 1 - float(misclassified(trained.module, batch.x, batch.y).float().mean())
    part = data.test.subset(images)
    batch = part.read(part.rows)
    assert batch.y is not None
    noise = torch.Generator().manual_seed(0)
    robust = robust_accuracy(
        trained.module, batch.x, batch.y, eps, generator=noise, queries=500
    ).accuracy
    return [kind, *speeds, f"{clean:.4f}", f"{robust:.3f}"]


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--eps", type=float, default=2.0)
    parser.add_argument("--images", type=int, default=300, help="under attack")
    arguments = parser.parse_args(argv)
    data = om.load_data(arguments.data)
    rows = [row(kind, data, arguments.epochs, arguments.eps, arguments.images) for kind in KINDS]
    header = ["normalisation", "attack, images/s", "training step", "accuracy", "robust accuracy"]
    print_table(header, rows)


if __name__ == "__main__":
    main()
