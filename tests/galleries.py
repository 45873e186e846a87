"""What tests of the commands that make images share."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from offmanifold import load_data
from offmanifold._core.png import write_png

ROBUST = ("--model", "runs/robust", "--manifold", "runs/manifold")
ALONE = ("--model", "runs/robust", "--manifold", "none", "--steps", "5")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "synthesis.json").read_text())["rows"]


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """A folder with 0.png, 1.png, 2.png of digits, low0.png, mask.png and big.png."""
    folder = tmp_path_factory.mktemp("files")
    data = load_data("digits")
    x = data.test.read(data.test.rows[:3]).x
    for i in range(3):
        write_png(x[i], folder / f"{i}.png")
    write_png(torch.nn.functional.avg_pool2d(x[:1], 4)[0], folder / "low0.png")
    mask = torch.zeros(1, 16, 16)
    mask[..., 5:10, 5:10] = 1
    write_png(mask, folder / "mask.png")
    write_png(torch.cat([x[0], x[1]], 2)[:, :20, :], folder / "big.png")
    wide = torch.zeros(1, 16, 32)
    wide[..., 5:10, 20:25] = 1
    write_png(wide, folder / "wide-mask.png")
    return folder
