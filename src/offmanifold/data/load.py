"""`load_data`: from a spec to three splits."""

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.plugins import load_plugins
from offmanifold.data.digits import open_digits
from offmanifold.data.distractor import add_distractor
from offmanifold.data.division import check_divided, divided
from offmanifold.data.duplicates import repeated
from offmanifold.data.folder import open_folder
from offmanifold.data.glyphs import open_glyphs
from offmanifold.data.hub import read_hub
from offmanifold.data.legible import readable
from offmanifold.data.npz import open_npz
from offmanifold.data.parquet import open_parquet, open_tables
from offmanifold.data.random_labels import PREFIX, randomise_labels
from offmanifold.data.request import Found, Request
from offmanifold.data.resize import resized
from offmanifold.data.shards import tables_in
from offmanifold.data.synthetic import KINDS, opener
from offmanifold.data.types import Data, Split

# A new kind of data is one new file and one line in one of these.
NAMES: dict[str, Callable[[str, Request], Found]] = {  # NAME or NAME:REST
    "digits": open_digits,
    "glyphs": open_glyphs,
}
NAMES |= {kind: opener(kind) for kind in KINDS}
AROUND: dict[str, Callable[[Found, Request], Found]] = {"distractor": add_distractor}  # NAME:SPEC
FILES: dict[str, Callable[[Path, Request], Found]] = {".npz": open_npz, ".parquet": open_parquet}


def load_data(
    spec: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    max_bad_share: float = 0.05,
    progress: bool = False,
) -> Data:
    """Return the images a spec names, divided into train, val and test.

    spec: `digits`; `glyphs`, `glyphs:N`, `glyphs:N:AB` or `glyphs:N:AB:mask`; `distractor:SPEC`;
    `random-labels:SPEC`, the same with labels permuted within each part; a `.npz` with x_train,
    y_train, x_test, y_test; a `.parquet` of encoded images (NAME-train.parquet and
    NAME-test.parquet together, from either of them or their folder); a folder of class folders, of
    images, or of train/ val/ test/. A relative path is looked up in the working directory, then
    under $OFFMANIFOLD_DATA.
    size: pixels; the shorter side is scaled to it and the middle cropped; (h, w) likewise. Of
    `distractor:SPEC` it is the size of SPEC's images. channels: 1 (grey) or 3 (RGB).
    seed: of the division and of the distractor's place. max_bad_share: of unreadable images, which
    are skipped and listed in `info["skipped"]`. progress: a bar on stderr while images are read.

    `info` holds spec, name (short), seed, source (how the splits came about), divided (whether
    here, by seed), judged_alone (whether all are test images: too few to divide, or without any to
    train on), eps (the default radius, where the spec has its own), skipped ([{path, reason}]),
    whites ({bits of storage: what is white}), notes, and told, those of the notes on what was
    decided or left out. Raises InputError for anything that cannot be used.

    >>> data = load_data("distractor:digits")
    >>> data.shape, len(data.train), len(data.val), len(data.test)
    ((1, 32, 16), 1258, 270, 269)
    """
    if channels not in (None, 1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (RGB), not {channels}")
    if str(spec).startswith("hf:"):
        from offmanifold.data.held import data_of  # beside which paths are read by this function

        request = Request(_height_width(size), channels, seed, max_bad_share, progress)
        return data_of(read_hub(str(spec)[3:]), str(spec), request=request)
    if str(spec).partition(":")[0] == PREFIX:
        rest = str(spec).partition(":")[2]
        if not rest:
            raise InputError(f'"{PREFIX}" needs data after a colon, such as "{PREFIX}:digits"')
        inner = load_data(
            rest,
            size=size,
            channels=channels,
            seed=seed,
            max_bad_share=max_bad_share,
            progress=progress,
        )
        return randomise_labels(inner, seed)
    request = Request(_height_width(size), channels, seed, max_bad_share, progress)
    found = _open(str(spec), request)
    return divided_data(found, str(spec), seed)


def divided_data(found: Found, spec: str, seed: int) -> Data:
    """Return what was found, divided into train, val and test; see `load_data`."""
    division = divided(found, seed, readable(spec))
    told = [*found.told, *division.told]
    if found.files:
        told += repeated(found.source, division.rows, found.classes)
    info = {
        "spec": spec,
        "name": found.name,
        "seed": seed,
        "source": division.source,
        "divided": division.ours,
        "judged_alone": division.alone,
        "eps": found.eps,
        "skipped": found.skipped,
        "whites": found.whites,
        "notes": [*found.notes, *division.notes, *told],
        "told": told,
    }
    train, val, test = (Split(found.source, part, found.classes) for part in division.rows)
    data = Data(train, val, test, info)
    if not found.files:
        check_divided(data)  # more of what is made are there for the asking
    return data


def sized_within(spec: str) -> bool:
    """Say whether the size asked for is that of images within, and not of those that come out."""
    name, _, rest = spec.partition(":")
    return sized_within(rest) if name == PREFIX else name in AROUND


def _height_width(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    h, w = (size, size) if isinstance(size, int) else size
    if h < 1 or w < 1:
        raise InputError(f"image size must be at least 1 pixel a side, not {h}×{w}")
    return h, w


@functools.cache
def _with_plugins() -> None:
    """Let packages from outside add their sources to the dictionaries above, once."""
    load_plugins("data")


def _open(spec: str, request: Request) -> Found:
    name, _, rest = spec.partition(":")
    _with_plugins()
    if name in AROUND:
        if not rest:
            raise InputError(f'"{name}" needs data after a colon, such as "{name}:digits"')
        return AROUND[name](_open(rest, request), request)
    if name in NAMES:
        found = NAMES[name](rest, request)
    else:
        found = replace(_open_path(_find(spec), request), files=True)
    return replace(found, source=resized(found.source, request, spec))


def _open_path(path: Path, request: Request) -> Found:
    if path.is_dir():
        tables = tables_in(path)
        return open_folder(path, request) if tables is None else open_tables(tables, request)
    if not path.is_file():
        raise InputError(f"{readable(str(path))} is neither a folder nor a regular file")
    if path.suffix.lower() not in FILES:
        raise InputError(
            f"cannot tell what {path} is; data can be a folder or a file that ends in "
            f"{' or '.join(FILES)}"
        )
    return FILES[path.suffix.lower()](path, request)


def _find(spec: str) -> Path:
    """Return the path a spec names, here or under $OFFMANIFOLD_DATA."""
    shared = os.environ.get("OFFMANIFOLD_DATA")
    for root in (Path(), *([Path(shared)] if shared else [])):
        path = root / os.path.expanduser(spec)  # Path's own raises for an unknown user
        if spec and os.path.exists(path):
            return path
    places = f"{Path.cwd()} or $OFFMANIFOLD_DATA ({shared or 'not set'})"
    missing = f'no file or folder "{spec}" in {places}'
    if os.sep in spec or Path(spec).suffix:
        raise InputError(missing)
    known = [
        *NAMES,
        "hf:PATH",
        f"{PREFIX}:DATA",
        *(f"{name}:DATA" for name in AROUND),
        *(f"FILE{s}" for s in FILES),
        "a folder",
    ]
    raise InputError(f"{unknown_name('data', spec, known)}; and there is {missing}")
