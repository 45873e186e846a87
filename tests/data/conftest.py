"""Small images on disk, and the real data where there are any."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def save() -> Callable[..., Path]:
    """Return a function that saves random (or given) uint8 pixels as an image file."""
    generator = np.random.default_rng(0)

    def write(path: Path, shape: tuple[int, ...] = (6, 5), pixels: np.ndarray | None = None):
        path.parent.mkdir(parents=True, exist_ok=True)
        random = generator.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(random if pixels is None else pixels).save(path)
        return path

    return write


@pytest.fixture
def animals(tmp_path, save) -> Path:
    """Return a folder of two classes with ten grey 6×5 images each."""
    for i in range(10):
        save(tmp_path / "animals" / "cat" / f"{i}.png")
        save(tmp_path / "animals" / "dog" / f"{i}.png")
    return tmp_path / "animals"


@pytest.fixture
def real() -> Path:
    """Return the folder of real data; skip where there is none."""
    folder = os.environ.get("OFFMANIFOLD_DATA")
    if not folder:
        pytest.skip("OFFMANIFOLD_DATA is not set, so there are no real data")
    return Path(folder)
