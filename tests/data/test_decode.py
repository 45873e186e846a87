import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from offmanifold.data import decode as decoding
from offmanifold.data.decode import BadImage, decode

RAMP = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(image, kind="PNG", **options):
    return decode(encoded(image, kind, **options)).numpy()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_greys_are_exact(kind):
    assert np.array_equal(decoded(Image.fromarray(RAMP), kind), RAMP[None])


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_colours_are_close(kind):
    colour = np.stack([RAMP, RAMP, RAMP], -1)
    out = decoded(Image.fromarray(colour), kind, quality=95)
    assert out.shape == (3, 4, 6)
    assert np.abs(out.astype(int) - colour.transpose(2, 0, 1)).max() < 25


def test_black_and_white():
    bits = Image.fromarray(RAMP > 100)
    assert bits.mode == "1"
    assert np.array_equal(decoded(bits), 255 * (RAMP[None] > 100))


def test_16_bit_greys_are_scaled():
    wide = RAMP.astype(np.uint16) * 257
    wide[0, 0] = 65535
    expected = RAMP.copy()
    expected[0, 0] = 255
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(decoded(Image.fromarray(wide), kind), expected[None])


def test_32_bit_and_float_greys():
    assert np.array_equal(decoded(Image.fromarray(RAMP.astype(np.int32) * 257), "TIFF"), RAMP[None])
    floats = Image.fromarray(RAMP.astype(np.float32) / 255)
    assert np.array_equal(decoded(floats, "TIFF"), RAMP[None])
    nan = RAMP.astype(np.float32) * np.nan
    for bad in (RAMP.astype(np.int32) - 5, RAMP.astype(np.float32), nan):
        with pytest.raises(BadImage, match=r"outside 0\.\."):
            decoded(Image.fromarray(bad), "TIFF")


def test_alpha_is_dropped_and_colours_stay():
    rgba = np.stack([RAMP, RAMP // 2, RAMP // 3, RAMP], -1)
    assert np.array_equal(decoded(Image.fromarray(rgba)), rgba[..., :3].transpose(2, 0, 1))
    la = Image.merge("LA", [Image.fromarray(RAMP)] * 2)
    assert np.array_equal(decoded(la), RAMP[None])


@pytest.mark.parametrize("options", [{}, {"transparency": 3}, {"transparency": bytes(range(8))}])
def test_palettes_become_colours(options):
    image = Image.fromarray(np.arange(8, dtype=np.uint8).reshape(2, 4), "P")
    palette = [(10 * i, 20 * i, 255 - i) for i in range(8)]
    image.putpalette([value for colour in palette for value in colour])
    expected = np.array(palette, dtype=np.uint8).reshape(2, 4, 3).transpose(2, 0, 1)
    assert np.array_equal(decoded(image, **options), expected)


def test_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90°
    out = decoded(Image.fromarray(RAMP), exif=exif.tobytes())
    assert np.array_equal(out[0], np.rot90(RAMP, -1))


def test_cmyk_becomes_rgb():
    out = decoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF")
    assert out.shape == (3, 4, 4)
    assert out[:, 0, 0].tolist() == [255, 0, 0]


def test_a_picture_of_two_views_is_its_first():
    views = [Image.fromarray(np.stack([RAMP] * 3, -1)), Image.new("RGB", (6, 4))]
    out = decoded(views[0], "MPO", save_all=True, append_images=views[1:])
    assert np.abs(out[0].astype(int) - RAMP).max() < 60


def test_what_is_broken_says_why():
    good = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)))
    for content, reason in [
        (b"", "empty"),
        (b"hello", "no image of a known format"),
        (good[: len(good) // 2], "truncated|OSError"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of a known format"),
    ]:
        with pytest.raises(BadImage, match=reason):
            decode(content)


def gif(width, height):
    """Return 35 bytes that declare as many pixels as they like."""
    screen = struct.pack("<HH", width, height)
    frame = b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0"
    return b"GIF89a" + screen + b"\x80\0\0" + bytes(6) + frame + b"\x02\x02\x44\x01\0;"


def png(width, height):
    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bmp(width, height):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


@pytest.mark.parametrize("make", [gif, png, bmp])
@pytest.mark.parametrize(
    "size", [(8193, 8192), (9000, 9000), (13000, 13000), (40000, 30000), (65535, 65535)]
)
def test_what_declares_too_many_pixels_is_refused_before_it_is_decoded(make, size, monkeypatch):
    def load(*_):
        pytest.fail("it was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(BadImage, match=r"declares .* more than 67,108,864|declares more than"):
        decode(make(*size))


def test_a_frame_larger_than_its_screen_counts():
    small = gif(65000, 65000).replace(
        b"GIF89a" + struct.pack("<HH", 65000, 65000), b"GIF89a" + bytes([8, 0, 8, 0])
    )
    with pytest.raises(BadImage, match="declares"):
        decode(small)


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_BYTES", 60)
    with pytest.raises(BadImage, match="bytes, above 60"):
        decode(encoded(Image.fromarray(RAMP)))


@pytest.mark.parametrize("mode", ["P", "PA"])
def test_palettes_are_what_pillow_makes_of_them(mode):
    colour = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    image = Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE, colors=200)
    image = image.convert(mode)
    expected = np.array(image.convert("RGBA"))[..., :3]
    assert np.array_equal(decoding._of_palette(image), expected)


def test_rounding_beyond_white_is_clipped():
    floats = RAMP.astype(np.float32) / 230
    floats[0, :2] = [-1e-6, 1.0000002]
    out = decoded(Image.fromarray(floats), "TIFF")
    assert out.max() == 255
    assert out[0, 0, 0] == 0
