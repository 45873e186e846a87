"""Judge our attacks by others' code: torchattacks' PGDL2, and AutoAttack from a clone of it.

    make oracle AUTOATTACK=path/to/auto-attack

Runs in an environment of its own, since torchattacks pins an old requests. The same classifiers and
the same images in [0, 1]; writes benchmarks/oracle.json. A difference above half a point fails.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import offmanifold as om
import torchvision_without_cuda  # noqa: F401  (torchattacks imports torchvision)
from offmanifold._core.files import write_json
from offmanifold.attacks import PGD, misclassified, robust_accuracy

TOLERATED = 0.005
PGD_STEPS, STARTS = 50, 3


def classifiers(data: om.Data, quick: bool) -> list[tuple[str, torch.nn.Module, float]]:
    """Return (name, classifier, eps): a standard and a robust one, each at a telling radius."""
    found, size = [], math.sqrt(math.prod(data.shape) / 784)
    robust = om.objectives.PGD(eps=2.0 * size)
    for objective, eps in ((om.objectives.ERM(), 2.0 * size), (robust, 2.5 * size)):
        recipe = om.Recipe(epochs=1 if quick else 2, batch_size=128)
        made = {"objective": objective, "recipe": recipe, "save": False, "precision": "bf16"}
        run = om.train("small-resnet", data, **made)
        found.append((objective.name, run.module, eps))
    return found


def right(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of images classified right, in float32."""
    return 1 - float(misclassified(model, x, y).float().mean())


def rivals(model, x, y, eps: float, autoattack: Path | None) -> dict[str, dict[str, Any]]:
    """Return {comparison: {ours, theirs, our_seconds, their_seconds}}, accuracies left."""
    import torchattacks

    generator = torch.Generator().manual_seed(0)
    step = 2.5 * eps / PGD_STEPS

    def worst(attack: Callable[[], torch.Tensor]) -> float:
        """Return the share right after every one of STARTS random starts."""
        wrong = [misclassified(model, attack(), y) for _ in range(STARTS)]
        return 1 - float(torch.stack(wrong).any(0).float().mean())

    def ours_pgd() -> float:
        attack = PGD(eps, steps=PGD_STEPS)
        return worst(lambda: attack(model, x, y, generator=generator))

    def theirs_pgd() -> float:
        torch.manual_seed(0)
        attack = torchattacks.PGDL2(model, eps=eps, alpha=step, steps=PGD_STEPS)
        return worst(lambda: attack(x, y))

    sides = {f"PGD-{PGD_STEPS}, {STARTS} starts, against torchattacks": (ours_pgd, theirs_pgd)}
    if autoattack is not None:
        sys.path.insert(0, str(autoattack))
        from autoattack import AutoAttack  # pyright: ignore[reportMissingImports]

        def ours_all() -> float:
            parts = zip(x.split(250), y.split(250), strict=True)
            found = [
                robust_accuracy(model, a, b, eps, generator=generator, precision="bf16").robust
                for a, b in parts
            ]
            return float(torch.cat(found).float().mean())

        def theirs_all() -> float:
            attack = AutoAttack(model, norm="L2", eps=eps, version="standard", device="cpu", seed=0)
            return right(model, attack.run_standard_evaluation(x, y, bs=250), y)

        sides["the ensemble, against AutoAttack"] = (ours_all, theirs_all)
    result = {}
    for name, pair in sides.items():
        numbers = []
        for side in pair:
            start = time.perf_counter()
            numbers += [side(), round(time.perf_counter() - start, 1)]
        keys = ("ours", "our_seconds", "theirs", "their_seconds")
        result[name] = dict(zip(keys, numbers, strict=True))
        print(name, result[name], flush=True)
    return result


def main(argv: list[str] | None = None) -> int:
    """Compare, print and save; return 1 where we leave more than half a point more than they."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", default="mnist.npz", help="a spec, looked up in OFFMANIFOLD_DATA")
    parser.add_argument("--autoattack", type=Path, help="a clone of github.com/fra31/auto-attack")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="one epoch a classifier")
    arguments = parser.parse_args(argv)
    if arguments.data == "mnist.npz" and "OFFMANIFOLD_DATA" not in os.environ:
        arguments.data = "digits"
    data = om.load_data(arguments.data)
    part = data.test.subset(arguments.images)
    batch = part.read(part.rows)
    rows, bad = [], 0
    for name, model, eps in classifiers(data, arguments.quick):
        model.requires_grad_(False)
        print(f"{name}: accuracy {right(model, batch.x, batch.y)}, eps {eps}", flush=True)
        for what, numbers in rivals(model, batch.x, batch.y, eps, arguments.autoattack).items():
            gap = numbers["ours"] - numbers["theirs"]
            bad += gap > TOLERATED
            head = {"classifier": name, "eps": eps, "images": len(batch), "comparison": what}
            rows.append({**head, **numbers, "gap": round(gap, 4)})
    write_json(Path(__file__).parent / "oracle.json", rows)
    print(f"{bad} of {len(rows)} comparisons leave more than {100 * TOLERATED} points more")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
