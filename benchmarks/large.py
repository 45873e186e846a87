"""Audit a ResNet-50 at 224×224 on a folder of patches; measure time and memory.

    python -m benchmarks.large [--limit N]

Fits the default manifold, on means over 4×4 pixels, then audits. The weights of the classifier are
random: it stands for the cost of an audit alone. results/manifold-large keeps the audit (its
pictures are large and stay in runs/) and cost.json.
"""

import argparse
import json
import platform
import resource
import shutil
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import torchvision_without_cuda  # noqa: F401  (timm imports torchvision)
from benchmarks.patches import write_patches
from offmanifold._core.files import make_folder, read_json, write_json, write_tensors
from offmanifold.cli.main import main as offmanifold

ARCHITECTURE = "resnet50"
SCRATCH = Path("runs/large")
RESULT = Path(__file__).parent.parent / "results/manifold-large"


def random_weights(classes: list[str], path: Path) -> None:
    """Save a network of ARCHITECTURE as it is drawn, with outputs of these names."""
    import timm

    torch.manual_seed(0)
    network = timm.create_model(ARCHITECTURE, num_classes=len(classes))
    write_tensors(path, network.state_dict(), {"classes": json.dumps(classes)})


def measured(*argv: str) -> dict[str, float]:
    """Run a command; return its seconds, and those of its threads at work on a processor.

    peak_gb is the highest memory of the process so far.
    """
    started, worked = time.time(), time.process_time()
    code = offmanifold([*argv])
    if code:
        raise SystemExit(code)
    return {
        "seconds": round(time.time() - started, 1),
        "processor_seconds": round(time.process_time() - worked, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    """Write the patches and weights where they are missing, fit, audit, and keep what is small."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--limit", type=int, help="images audited, by default as many as always")
    limit = parser.parse_args().limit
    folder, weights = SCRATCH / "patches", SCRATCH / f"{ARCHITECTURE}-random.safetensors"
    if not folder.is_dir():
        print(f"{write_patches(folder)} patches")
    random_weights(sorted(path.name for path in folder.iterdir()), weights)
    data = ["--data", str(folder)]
    out = SCRATCH / "audit" if limit is None else SCRATCH / f"audit-{limit}"
    fitted = SCRATCH / "manifold"
    argv = [f"timm:{ARCHITECTURE}", *data, "--weights", str(weights), "--manifold", str(fitted)]
    argv += ["--out", str(out), *([] if limit is None else ["--limit", str(limit)])]
    cost = {
        "machine": f"{platform.machine()}, torch {torch.__version__}",
        "threads": torch.get_num_threads(),
        "fit": measured("fit-manifold", *data, "--out", str(fitted)),
        "audit": measured("audit", *argv),
    }
    print(json.dumps(cost, indent=1))
    make_folder(RESULT)
    for name in ("audit.json", "images.parquet"):
        shutil.copyfile(out / name, RESULT / name)
    write_json(RESULT / "manifold.json", read_json(fitted / "metrics.json")["card"])
    write_json(RESULT / "cost.json", cost)


if __name__ == "__main__":
    main()
