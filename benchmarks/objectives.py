"""Images per second of a training step of every objective, and bf16 against float32.

python -m benchmarks.objectives                      # small-resnet at 1×28×28, on the CPU
python -m benchmarks.objectives --network resnet18   # at 3×32×32; on a GPU where there is one
python -m benchmarks.objectives --accuracy mnist.npz # test accuracy in both precisions
"""

import argparse
import time

import torch
from torch import nn

import offmanifold as om
from offmanifold._core.precision import region
from offmanifold.attacks import misclassified
from offmanifold.cli.base import print_table
from offmanifold.models import SmallResNet
from offmanifold.objectives import Objective, Resources

OBJECTIVES: list[Objective] = [
    om.objectives.ERM(),
    om.objectives.Noise(),
    om.objectives.Smoothness(),
    om.objectives.GradientNorm(),
    om.objectives.GradientNorm(form="finite"),
    om.objectives.Aligned(),
    om.objectives.PGD(steps=10),
    om.objectives.TRADES(steps=10),
]
PRECISE = {
    "erm": om.objectives.ERM(),
    "gradient-norm": om.objectives.GradientNorm(),
    "pgd": om.objectives.PGD(eps=1.0),
}


class Means:
    """Stands in for training images where only their class means are asked for."""

    def __init__(self, classes: int, shape: tuple[int, int, int]):
        self.labels = self.classes = tuple(map(str, range(classes)))
        self.class_means = torch.rand(classes, *shape)


def resnet18() -> nn.Module:
    """Return torchvision's ResNet-18 with the stem that 32×32 images take."""
    from torchvision.models import resnet18 as make

    model = make(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()  # type: ignore[assignment]
    return model


def speeds(network: str, batch: int, repeats: int) -> list[list[str]]:
    """Return a row an objective: images per second of forward, backward and update."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shape = (3, 32, 32) if network == "resnet18" else (1, 28, 28)
    rows = []
    for objective in OBJECTIVES:
        torch.manual_seed(0)
        model = resnet18() if network == "resnet18" else SmallResNet(1, 10)
        model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
        ready = objective.prepare(Resources(train_data=Means(10, shape)))
        x = torch.rand(batch, *shape, device=device).contiguous(memory_format=torch.channels_last)
        y = torch.randint(0, 10, (batch,), device=device)
        found = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            with region(device, "bf16"):
                loss = ready(model, x, y, generator=torch.Generator()).per_sample.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            found.append(time.perf_counter() - start)
        name = objective.name + (" (finite)" if getattr(objective, "form", "") == "finite" else "")
        rows.append([name, f"{batch / sorted(found[1:])[repeats // 2]:.0f}"])
    return rows


def accuracies(spec: str, epochs: int) -> list[list[str]]:
    """Return a row an objective: test accuracy trained in bf16 and in float32, and the gap."""
    data = om.load_data(spec)
    batch = data.test.read(data.test.rows)
    rows = []
    for name, objective in PRECISE.items():
        found = []
        for precision in ("bf16", "fp32"):
            recipe = om.Recipe(epochs=epochs, batch_size=128)
            run = om.train(
                "small-resnet",
                data,
                objective=objective,
                recipe=recipe,
                save=False,
                precision=precision,
            )
            wrong = misclassified(run.module, batch.x, batch.y)
            found.append(100 * (1 - float(wrong.float().mean())))
        rows.append([name, *(f"{a:.2f}" for a in found), f"{found[0] - found[1]:+.2f}"])
    return rows


def main(argv: list[str] | None = None) -> None:
    """Print the table asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--network", choices=("small-resnet", "resnet18"), default="small-resnet")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--accuracy", metavar="DATA", help="compare precisions on these images")
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args(argv)
    if arguments.accuracy:
        rows = accuracies(arguments.accuracy, arguments.epochs)
        print_table(["objective", "bf16, %", "float32, %", "points"], rows)
    else:
        rows = speeds(arguments.network, arguments.batch, arguments.repeats)
        print_table(["objective", "images/s"], rows)


if __name__ == "__main__":
    main()
