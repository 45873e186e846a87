"""Images that the commands which make images are given."""

from pathlib import Path

import pytest
import torch

from offmanifold import load_data
from offmanifold.reports.pictures import save_grid


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """A folder with 0.png, 1.png, 2.png of digits, low0.png, mask.png and big.png."""
    folder = tmp_path_factory.mktemp("files")
    data = load_data("digits")
    x = data.test.read(data.test.rows[:3]).x
    for i in range(3):
        save_grid(x[i : i + 1], folder / f"{i}.png", 1, scale=1)
    save_grid(torch.nn.functional.avg_pool2d(x[:1], 4), folder / "low0.png", 1, scale=1)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 5:10, 5:10] = 1
    save_grid(mask, folder / "mask.png", 1, scale=1)
    save_grid(torch.cat([x[:1], x[1:2]], 3)[..., :20, :], folder / "big.png", 1, scale=1)
    wide = torch.zeros(1, 1, 16, 32)
    wide[..., 5:10, 20:25] = 1
    save_grid(wide, folder / "wide-mask.png", 1, scale=1)
    return folder
