"""One encoded image to 8-bit pixels."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from offmanifold.data.checks import ROUNDING

# Named, so that a file is never handed to a decoder that runs programs (EPS).
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
MAX_PIXELS = 2**26  # 8192 × 8192; a few bytes can declare thousands of times as many
MAX_BYTES = 2**29  # of a file: 64 bits for each of so many pixels
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class BadImage(Exception):
    """An image that cannot be decoded; its text is the reason."""


def decode(content: bytes) -> Tensor:
    """Return pixels (c, h, w) uint8 of one image by itself; see `stored` and `in_8_bits`."""
    with unwarned():
        values = stored(content)
    return in_8_bits(values, usual_white(values))


def stored(content: bytes) -> np.ndarray:
    """Return the values of an image, (c, h, w): c = 1 for a grey image and 3 for any other.

    uint8; uint16 of greys that are stored in more bits. The orientation in EXIF is applied.
    Palettes become grey where all colours used are, else RGB, as do other colour spaces. Alpha is
    dropped (colours stay as stored, as in torchvision). Of an animation the first frame is taken.
    Float greys in [0, 1] are multiplied by 255. Raises BadImage, before anything is decoded for
    what declares more than `MAX_PIXELS`.
    """
    if not content:
        raise BadImage("it is empty")
    if len(content) > MAX_BYTES:
        raise BadImage(f"it has {len(content):,} bytes, above {MAX_BYTES:,}")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image.size)
            ImageOps.exif_transpose(image, in_place=True)
            pixels = _values(image)
    except BadImage:
        raise
    except Image.UnidentifiedImageError:
        raise BadImage("it is no image of a known format") from None
    except TOO_LARGE:
        raise BadImage(f"it declares more than {MAX_PIXELS:,} pixels; scale it down") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        raise BadImage(f"{type(error).__name__}: {error}") from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def usual_white(values: np.ndarray) -> int:
    """Return what is white by the type of stored values alone."""
    return 255 if values.dtype == np.uint8 else 65535


def in_8_bits(values: np.ndarray, white: int) -> Tensor:
    """Return stored values, none above white, as uint8 of which 255 is white."""
    if values.dtype != np.uint8 or white != 255:
        values = np.rint(values * np.float64(255 / white)).clip(0, 255).astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(values))


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """Keep Pillow from warning of images that are refused anyway.

    Python's filters are those of all threads: around threads, enter it once outside them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _check_size(size: tuple[int, int]) -> None:
    w, h = size
    if w * h > MAX_PIXELS:
        raise BadImage(
            f"it declares {h}×{w} pixels, more than {MAX_PIXELS:,} in all; scale it down"
        )


def altered_in_decoding(content: bytes) -> tuple[str, ...]:
    """Return what `decode` alters of the pixels themselves: bits, colours or alpha, or nothing.

    The content is that of an image that `decode` reads.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        # Pillow says RGB of 16 bits a channel too; how it reads them shows in the tiles.
        deep = image.mode[0] in "IF" or re.search(";16[BLN]", str(image.tile)) is not None
        plain = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX")
        found = {
            "bits": deep,
            "colours": not deep and image.mode not in plain,
            "alpha": image.has_transparency_data,
        }
    return tuple(name for name, there in found.items() if there)


def _values(image: Image.Image) -> np.ndarray:
    """Return (h, w) for grey or (h, w, 3), uint8, or uint16."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        _check_range(values, 65535)
        return values.astype(np.uint16)
    if image.mode == "F":
        values = np.asarray(image)
        _check_range(values, 1, ROUNDING)
        return np.rint(values.astype(np.float64).clip(0, 1) * 255).astype(np.uint8)
    if image.mode in ("P", "PA"):
        return _of_palette(image)
    wanted = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    return np.array(image if image.mode == wanted else image.convert(wanted))


def _of_palette(image: Image.Image) -> np.ndarray:
    """Return the colours of an image with a palette, whatever is transparent in it."""
    index = np.asarray(image)
    index = index[..., 0] if index.ndim == 3 else index
    colours = np.zeros((256, 3), np.uint8)
    known = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    colours[: len(known)] = known
    used = colours[np.array(image.histogram()[:256]) > 0]
    grey = bool((used == used[:, :1]).all())
    return colours[:, 0][index] if grey else colours[index]


def _check_range(values: np.ndarray, white: int, rounding: float = 0.0) -> None:
    low, high = values.min(), values.max()
    if not (low >= -rounding and high <= white + rounding):  # written so that NaN fails too
        raise BadImage(f"its values go from {low} to {high}, outside 0..{white}")
