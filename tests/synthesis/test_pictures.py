"""Files of any kind and size, brought to the model's."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from offmanifold._core.errors import InputError
from offmanifold.synthesis.pictures import (
    alterations,
    names_of,
    read_mask,
    read_picture,
    read_pictures,
)


def saved(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_rgba_and_sixteen_bits_are_read(tmp_path):
    rgba = np.zeros((4, 5, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 255, 7
    red = read_picture(saved(tmp_path / "rgba.png", rgba), 3)
    assert red.shape == (3, 4, 5)
    assert red[0].eq(1).all() and red[1:].eq(0).all()
    grey = read_picture(saved(tmp_path / "deep.png", np.full((4, 5), 65535, np.uint16)), 1)
    assert grey.shape == (1, 4, 5) and grey.eq(1).all()
    assert read_picture(tmp_path / "rgba.png", 1)[0, 0, 0] == pytest.approx(0.299)


def test_white_is_that_of_all_files_given(tmp_path, capsys):
    dim, bright = np.full((4, 5), 819, np.uint16), np.full((4, 5), 4095, np.uint16)
    files = [saved(tmp_path / "dim.png", dim), saved(tmp_path / "bright.png", bright)]
    first, second = read_pictures(files, 1)
    assert first.unique().tolist() == pytest.approx([0.2])
    assert second.unique().tolist() == [1]
    assert "4095 and not 65535 is taken for white" in capsys.readouterr().err
    bits = np.eye(4, 5, dtype=np.uint8)
    assert read_mask(saved(tmp_path / "mask.png", bits), (4, 5)).sum() == 4


def deep_colours(path: Path) -> Path:
    """Write an RGB image of 16 bits a channel, which Pillow can read but not write."""
    header = struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)
    lines = zlib.compress(4 * (b"\0" + bytes(range(30))))
    parts = ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_what_is_altered_of_a_file_is_known(tmp_path):
    grey = saved(tmp_path / "grey.png", np.zeros((4, 5), np.uint8))
    colour = saved(tmp_path / "colour.png", np.zeros((4, 5, 3), np.uint8))
    assert alterations(grey, 1, (4, 5)) == alterations(colour, 3, (4, 5)) == ()
    assert alterations(grey, 3, (4, 5)) == alterations(colour, 1, (4, 5)) == ("channels",)
    assert alterations(grey, 1, (4, 4)) == ("size",)
    rgba = saved(tmp_path / "rgba.png", np.zeros((4, 5, 4), np.uint8))
    assert alterations(rgba, 3, (4, 5)) == ("alpha",)
    deep = saved(tmp_path / "deep.png", np.zeros((4, 5), np.uint16))
    assert alterations(deep, 1, (4, 5)) == ("bits",)
    assert alterations(deep_colours(tmp_path / "rgb16.png"), 3, (4, 5)) == ("bits",)
    Image.new("CMYK", (5, 4)).save(tmp_path / "print.jpg")
    assert alterations(tmp_path / "print.jpg", 3, (4, 5)) == ("colours",)
    Image.new("P", (5, 4)).save(tmp_path / "palette.gif")
    assert alterations(tmp_path / "palette.gif", 1, (4, 5)) == ()


def test_a_file_that_is_no_image(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match="text.png"):
        read_picture(tmp_path / "text.png", 1)
    with pytest.raises(InputError, match="none.png"):
        read_picture(tmp_path / "none.png", 1)


def test_masks(tmp_path):
    pixels = np.zeros((4, 5), np.uint8)
    pixels[1, 2] = 255
    mask = saved(tmp_path / "mask.png", pixels)
    assert read_mask(mask, (4, 5)).nonzero().tolist() == [[0, 1, 2]]
    with pytest.raises(InputError, match="mask.png: the mask is 4×5 and the image 5×5"):
        read_mask(mask, (5, 5))
    for value, word in ((0, "nowhere brighter"), (128, "brighter .* everywhere")):
        flat = saved(tmp_path / "flat.png", np.full((4, 5), value, np.uint8))
        with pytest.raises(InputError, match=f"flat.png: .* {word}.* black ones kept$"):
            read_mask(flat, (4, 5))


def test_a_mask_drawn_in_alpha_is_told_why_it_is_none(tmp_path):
    clear = np.zeros((4, 5, 4), np.uint8)
    clear[1, 2, 3] = 255
    with pytest.raises(InputError, match="nowhere brighter .* its alpha is not looked at$"):
        read_mask(saved(tmp_path / "clear.png", clear), (4, 5))


def test_names_are_never_alike():
    assert names_of([Path("a/x.png"), Path("b/x.png"), Path("y.tif")]) == ["x", "x-2", "y"]


def test_white_is_that_of_the_data_they_belong_to(tmp_path, capsys):
    dim = saved(tmp_path / "dim.png", np.full((4, 4), 1000, np.uint16))
    assert read_pictures([dim], 1, {16: 4095})[0].max() == pytest.approx(1000 / 4095, abs=0.002)
    assert "is taken for white" not in capsys.readouterr().err
    bright = saved(tmp_path / "bright.png", np.full((4, 4), 60000, np.uint16))
    assert read_pictures([bright], 1, {16: 4095})[0].max() == pytest.approx(60000 / 65535, abs=0.01)
