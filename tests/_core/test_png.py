"""Tensors as PNG files."""

import numpy as np
import torch
from PIL import Image

from offmanifold._core.png import write_png


def test_grey_and_colour_are_written_in_8_bits_and_clipped(tmp_path):
    x = torch.tensor([[[0.0, 0.5, 1.0], [-1.0, 2.0, float("nan")]]])
    write_png(x, tmp_path / "grey.png")
    assert np.asarray(Image.open(tmp_path / "grey.png")).tolist() == [[0, 128, 255], [0, 255, 0]]
    colour = torch.zeros(5, 2, 3)
    colour[1] = 1
    write_png(colour, tmp_path / "colour.png")
    shown = np.asarray(Image.open(tmp_path / "colour.png"))
    assert shown.shape == (2, 3, 3) and shown.reshape(-1, 3).tolist() == [[0, 255, 0]] * 6
