import numpy as np
import pytest
from PIL import Image

from offmanifold.data import load_data
from offmanifold.data.white_level import told, white_of


@pytest.mark.parametrize(
    ("brightest", "bits", "white"),
    [
        (0, 8, 255),
        (1, 8, 1),
        (2, 8, 255),
        (255, 8, 255),
        (0, 16, 65535),
        (255, 16, 255),
        (256, 16, 1023),
        (1024, 16, 4095),
        (4095, 16, 4095),
        (4096, 16, 16383),
        (16384, 16, 65535),
    ],
)
def test_white_is_the_least_that_the_content_can_reach(brightest, bits, white):
    assert white_of(brightest, bits) == white


def test_nothing_is_told_of_the_usual():
    assert told(200, 255, 255, "x") == []
    assert len(told(0, 255, 255, "x")) == 1
    assert len(told(4000, 4095, 65535, "x")) == 1


def test_the_whites_of_data_are_kept_with_them(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (20, 4, 4)).astype(np.uint16)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    assert load_data(tmp_path).info["whites"] == {16: 4095}
