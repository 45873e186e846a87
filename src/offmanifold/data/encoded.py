"""Encoded images (PNG, JPEG …): broken ones skipped, pixels kept where there is room."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold.data.decode import BadImage, in_8_bits, stored, unwarned
from offmanifold.data.pixels import resize_and_crop, short_hash, to_channels, to_unit
from offmanifold.data.request import Request
from offmanifold.data.white_level import DEPTHS, told, white_of

CACHE_BYTES = 1_000_000_000  # pixels beyond this are decoded again whenever they are read
WORKERS = 2

Examined = tuple[Tensor, str, int, int]  # pixels, hash, bits of storage, largest stored value


class EncodedSource:
    """A `Source` of images that lie encoded in files or in a table.

    `fetch(i)` gives the i-th image's bytes; it is called from threads. Every image is decoded once
    here, to learn its size, its colours, its hash and whether it is sound. `kept` are the positions
    of the sound ones, `skipped` the others. The images are grey if all of them are, else RGB. White
    follows from the brightest of all images (`white_of`), kept in `whites` by bits; `notes`
    hold what is to be said of it. Raises InputError beyond `request.max_bad_share`, and for mixed
    sizes without `request.size`.
    """

    def __init__(
        self,
        names: Sequence[str],
        labels: np.ndarray | None,
        fetch: Callable[[int], bytes],
        request: Request,
        where: str,
    ):
        self._fetch, self._request, self._where = fetch, request, where
        self._whites = {bits: known[-1] for bits, known in DEPTHS.items()}
        usual, brightest = dict(self._whites), {}
        with unwarned():
            shapes = self._read_all(names, brightest)
            self._whites |= {bits: white_of(high, bits) for bits, high in brightest.items()}
            if self._whites != usual:
                shapes = self._read_all(names, brightest)
        self.whites = {bits: self._whites[bits] for bits in brightest}
        self.notes: list[str] = []
        for bits, high in brightest.items():
            self.notes += told(high, self._whites[bits], usual[bits], f"{where} ({bits} bits)")
        self.names = [names[int(i)] for i in self.kept]
        self.labels = None if labels is None else labels[self.kept]
        _report_skipped(self.skipped, len(names), request.max_bad_share, where)
        h, w = _common_size([shape[1:] for shape in shapes], self.names, where)
        self.shape = (max(shape[0] for shape in shapes), h, w)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: np.ndarray) -> Tensor:
        """Return images (n, c, h, w), float32 in [0, 1], to 8 bits wherever they come from."""
        if self._cache is not None:
            pixels = [self._cache[i] for i in index]
        else:
            pixels = list(_in_threads(self._again, index))
        if not pixels:
            return torch.empty(0, *self.shape)
        return to_unit(torch.stack([to_channels(x, self.shape[0]) for x in pixels]).numpy())

    def masks(self, index: np.ndarray) -> None:
        """Return None: these images carry no signal masks."""

    def _read_all(self, names: Sequence[str], brightest: dict[int, int]) -> list[tuple[int, ...]]:
        """Read every image by the whites assumed; return the shapes of the sound ones.

        brightest: the largest value by bits of storage, which is brought up to date.
        """
        kept, shapes, cached = [], [], 0
        self.hashes: list[str] = []
        self.skipped: list[dict[str, str]] = []
        self._cache: list[Tensor] | None = []
        for i, result in enumerate(self._examine_all(len(names))):
            if isinstance(result, BadImage):
                self.skipped.append({"path": names[i], "reason": str(result)})
                continue
            pixels, digest, bits, high = result
            brightest[bits] = max(brightest.get(bits, 0), high)
            kept.append(i)
            self.hashes.append(digest)
            shapes.append(tuple(pixels.shape))
            cached += pixels.numel()
            if cached > CACHE_BYTES:
                self._cache = None
            if self._cache is not None:
                self._cache.append(pixels)
        self.kept = np.array(kept, dtype=np.int64)
        return shapes

    def _examine_all(self, n: int) -> Iterator[Examined | BadImage]:
        yield from track(
            _in_threads(self._examine, range(n)),
            description="reading images",
            total=n,
            console=Console(stderr=True),
            disable=not self._request.progress,
            transient=True,
        )

    def _examine(self, i: int) -> Examined | BadImage:
        """Return what is found of the i-th image given, or what is wrong with it."""
        try:
            content = self._fetch(i)
            values = stored(content)
            bits = 8 if values.dtype == np.uint8 else 16
            digest, white = short_hash(content), self._whites[bits]
            if white != DEPTHS[bits][-1]:
                digest = short_hash(f"{digest} {white}".encode())  # the same file, other pixels
            return self._pixels(values, white), digest, bits, int(values.max())
        except BadImage as bad:
            return bad
        except OSError as error:
            return BadImage(f"it cannot be read: {error.strerror or error}")

    def _pixels(self, values: np.ndarray, white: int) -> Tensor:
        x = in_8_bits(values, white)
        size, channels = self._request.size, self._request.channels
        if size is None and channels is None:
            return x
        x = resize_and_crop(to_channels(x.float(), channels)[None], size)[0]
        return x.round().to(torch.uint8)

    def _again(self, i: int) -> Tensor:
        result = self._examine(int(self.kept[i]))
        if isinstance(result, BadImage) or result[1] != self.hashes[i]:
            raise InputError(
                f"{self.names[i]} in {self._where} has changed since it was loaded; "
                "leave the images in place and run again"
            )
        return result[0]


def _in_threads(function: Callable[[Any], Any], items: Sequence[Any] | np.ndarray) -> Iterator[Any]:
    """Yield function(item) in order; in chunks, so that results do not pile up."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(items), 256):
            yield from pool.map(function, items[start : start + 256])


def _report_skipped(
    skipped: list[dict[str, str]], total: int, max_bad_share: float, where: str
) -> None:
    if not skipped:
        return
    first = "; ".join(f"{bad['path']} ({bad['reason']})" for bad in skipped[:3])
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    summary = f"{len(skipped)} of {total} images in {where} cannot be read: {first}{more}"
    if len(skipped) > max_bad_share * total or len(skipped) == total:
        raise InputError(f"{summary}; at most {max_bad_share:.0%} may be: repair or remove them")
    logging.getLogger("offmanifold").warning("%s; they are skipped", summary)


def _common_size(
    sizes: Sequence[tuple[int, ...]], names: Sequence[str], where: str
) -> tuple[int, ...]:
    """Return the one size of all images; raises InputError that shows the sizes found."""
    counts = Counter(sizes)
    if len(counts) > 1:
        shown = ", ".join(
            f"{h}×{w} ({count}, such as {names[sizes.index((h, w))]})"
            for (h, w), count in counts.most_common(3)
        )
        raise InputError(
            f"images in {where} have {len(counts)} sizes (height×width): {shown}"
            f"{', …' if len(counts) > 3 else ''}; bring them to one with `image_size` 224 224"
        )
    return sizes[0]
