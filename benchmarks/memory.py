"""Memory and speed of on- and off-manifold changes over 1,000 and over 10,000 images.

    python -m benchmarks.memory --data mnist.npz

Each number of images is audited in a process of its own, whose highest memory is printed.
"""

import argparse
import multiprocessing
import resource
import time

import offmanifold as om
from benchmarks.speed import fresh_autoencoder
from offmanifold.models import SmallResNet

SIZES = (1000, 10_000)


def measured(spec: str, images: int) -> dict[str, float]:
    """Audit so many images; return seconds and the highest memory of the process in MiB."""
    data = om.load_data(spec)
    manifold = fresh_autoencoder(data.shape, latent=32)
    assert data.classes is not None
    model = SmallResNet(data.shape[0], len(data.classes))
    only = ("robustness.on_change", "robustness.off_change")
    config = om.AuditConfig(limit=images, only=only)
    started = time.perf_counter()
    audit = om.audit(model, data, manifold, config=config, show=False)
    return {
        "images": audit["robustness.on_change"].n,
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10),
    }


def main() -> None:
    """Measure each size and print it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--data", default="mnist.npz")
    spec = parser.parse_args().data
    for images in SIZES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(measured, (spec, images)), flush=True)


if __name__ == "__main__":
    main()
