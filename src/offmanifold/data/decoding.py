"""One encoded image to 8-bit pixels."""

import io
import re

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

# Named, so that a file is never handed to a decoder that runs programs (EPS).
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")


class BadImage(Exception):
    """An image that cannot be decoded; its text is the reason."""


def decode(content: bytes) -> Tensor:
    """Return pixels (c, h, w) uint8, c = 1 for a grey image and 3 for any other.

    The orientation in EXIF is applied. Palettes become grey where all colours used are, else RGB,
    as do other colour spaces. Alpha is dropped (colours stay as stored, as in torchvision). Of an
    animation the first frame is taken. 16-bit greys are divided by 257, float greys in [0, 1]
    multiplied by 255. Raises BadImage.
    """
    if not content:
        raise BadImage("it is empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            ImageOps.exif_transpose(image, in_place=True)
            pixels = _to_8_bits(image)
    except BadImage:
        raise
    except Image.UnidentifiedImageError:
        raise BadImage("it is no image of a known format") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        raise BadImage(f"{type(error).__name__}: {error}") from error
    return torch.from_numpy(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy())


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


def _to_8_bits(image: Image.Image) -> np.ndarray:
    """Return (h, w) for grey or (h, w, 3), uint8."""
    if image.mode.startswith("I"):
        return _scaled(np.asarray(image), 65535)
    if image.mode == "F":
        return _scaled(np.asarray(image), 1)
    if image.mode in ("P", "PA"):
        # By way of RGBA, since Pillow warns of transparent colours on the straight way.
        colours = np.array(image.convert("RGBA"))[..., :3]
        return colours[..., 0].copy() if (colours == colours[..., :1]).all() else colours
    return np.array(image.convert("L" if image.mode in ("1", "L", "LA", "La") else "RGB"))


def _scaled(values: np.ndarray, white: int) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= white):  # written so that NaN fails too
        raise BadImage(f"its values go from {low} to {high}, outside 0..{white}")
    return np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8)
