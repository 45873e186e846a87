"""What float32 costs an evaluation beside bf16, and which verdicts differ.

    python -m benchmarks.precision [--data digits] [--images 200] [--queries 500] [--pairs 3]

A standard and a robust small-resnet are attacked in both precisions, pair by pair in one run: by
PGD as in `accuracy.pgd_l2`, and by the ensemble of `accuracy.ensemble_l2`, judged in float32.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

import offmanifold as om
from offmanifold._core.memory import freed_memory_kept
from offmanifold._core.precision import has_bf16, region
from offmanifold.attacks import PGD, misclassified, robust_accuracy
from offmanifold.cli.base import print_table

EPS = {"standard": 1.0, "robust": 1.0}
Survivors = Callable[[str], Tensor]


def attacks(model: torch.nn.Module, x: Tensor, y: Tensor, eps: float, queries: int):
    """Return {attack: precision → (n,) whether an image is right after it}."""

    def noise() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def pgd(precision: str) -> Tensor:
        with region(x.device, precision):
            moved = PGD(eps, steps=10)(model, x, y, generator=noise())
        return ~misclassified(model, moved, y)

    def ensemble(precision: str) -> Tensor:
        given = {"generator": noise(), "queries": queries, "precision": precision}
        return robust_accuracy(model, x, y, eps, **given).robust

    return {"PGD-10": pgd, "ensemble": ensemble}


def raced(survivors: Survivors, pairs: int) -> list[str]:
    """Return the ratio of seconds, the accuracies left and the share of verdicts that differ."""
    kept = {precision: survivors(precision) for precision in ("bf16", "fp32")}  # and warmed up
    ratios = []
    for _ in range(pairs):
        seconds = {}
        for precision in kept:
            begun = time.perf_counter()
            survivors(precision)
            seconds[precision] = time.perf_counter() - begun
        ratios.append(seconds["fp32"] / seconds["bf16"])
    differ = float((kept["bf16"] != kept["fp32"]).float().mean())
    shares = [f"{float(kept[precision].float().mean()):.3f}" for precision in ("fp32", "bf16")]
    span = f"{min(ratios):.2f} – {max(ratios):.2f}"
    return [f"{statistics.median(ratios):.2f}×", span, *shares, f"{100 * differ:.1f} %"]


def main(argv: list[str] | None = None) -> None:
    """Train, attack in both precisions, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--queries", type=int, default=500, help="of Square, in the ensemble")
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args(argv)
    data = om.load_data(given.data)
    batch = data.test.subset(given.images)
    seen = batch.read(batch.rows)
    assert seen.y is not None
    x = seen.x.contiguous(memory_format=torch.channels_last)
    rows = []
    trained = {"standard": om.objectives.ERM(), "robust": om.objectives.PGD(eps=1.0, steps=5)}
    for name, objective in trained.items():
        recipe = om.Recipe(epochs=given.epochs, batch_size=128)
        made = {"recipe": recipe, "save": False, "precision": "fp32", "show": False}
        run = om.train("small-resnet", data, objective=objective, **made)
        with freed_memory_kept():
            for attack, survivors in attacks(
                run.module.eval(), x, seen.y, EPS[name], given.queries
            ).items():
                rows.append([name, attack, *raced(survivors, given.pairs)])
    kind = "with" if has_bf16("cpu") else "without"
    print(f"a CPU {kind} bf16, {torch.get_num_threads()} threads, torch {torch.__version__}")
    head = ["classifier", "attack", "seconds fp32 ÷ bf16", "range"]
    print_table([*head, "accuracy left, fp32", "bf16", "verdicts that differ"], rows)


if __name__ == "__main__":
    main()
