"""Cut the pictures that scikit-image, matplotlib and scikit-learn carry into a folder of images.

    python -m benchmarks.patches FOLDER

Photographs and micrographs lie inside the wheels, so nothing is downloaded. Each is cut into square
patches that do not overlap, so that no pixel is in two of them; a class folder a picture.
"""

import argparse
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = {
    "skimage": (
        "data",
        "astronaut brick camera cell chelsea coffee coins grass gravel horse hubble_deep_field "
        "ihc moon motorcycle_left retina rocket",
    ),
    "matplotlib": ("mpl-data/sample_data", "grace_hopper"),
    "sklearn": ("datasets/images", "china flower"),
}
PATCH, SIDE = 72, 224  # pixels cut out, and pixels written
MOST = 64  # patches of a picture
FLAT = 4.0  # patches of a smaller standard deviation, in 8-bit values, show nothing


def pictures() -> Iterator[Path]:
    """Yield the pictures of PICTURES that are installed."""
    for package, (folder, names) in PICTURES.items():
        found = find_spec(package)
        if found is None or found.origin is None:
            raise SystemExit(f'{package} is missing: pip install "offmanifold[bench]"')
        for name in names.split():
            yield next((Path(found.origin).parent / folder).glob(f"{name}.*"))


def patches(picture: Path) -> list[Image.Image]:
    """Return at most MOST patches of a picture, evenly over it, in colour, SIDE pixels a side."""
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    columns, rows = image.width // PATCH, image.height // PATCH
    boxes = [(PATCH * i, PATCH * j) for j in range(rows) for i in range(columns)]
    cut = [image.crop((left, top, left + PATCH, top + PATCH)) for left, top in boxes]
    telling = [patch for patch in cut if np.asarray(patch, dtype=float).std() >= FLAT]
    chosen = np.linspace(0, len(telling) - 1, min(MOST, len(telling))).round().astype(int)
    return [telling[i].resize((SIDE, SIDE), Image.Resampling.BICUBIC) for i in chosen]


def write_patches(folder: Path) -> int:
    """Write FOLDER/PICTURE/NUMBER.png; return how many there are."""
    total = 0
    for picture in pictures():
        place = folder / picture.stem
        place.mkdir(parents=True, exist_ok=True)
        for number, patch in enumerate(patches(picture)):
            patch.save(place / f"{number:02d}.png")
            total += 1
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path)
    print(f"{write_patches(parser.parse_args().folder)} patches")
