"""`load_data`: from a spec to three splits."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from offmanifold.data.digits import open_digits
from offmanifold.data.distractor import add_distractor
from offmanifold.data.folder import open_folder
from offmanifold.data.glyphs import open_glyphs
from offmanifold.data.known import KINDS, opener
from offmanifold.data.npz import open_npz
from offmanifold.data.opening import Found, Request
from offmanifold.data.parquet import TRAIN, open_parquet, pair_of
from offmanifold.data.random_labels import PREFIX, randomise_labels
from offmanifold.data.resized import resized
from offmanifold.data.types import Data, Split, divide
from offmanifold.errors import InputError, unknown_name

# A new kind of data is one new file and one line in one of these.
NAMES: dict[str, Callable[[str, Request], Found]] = {  # NAME or NAME:REST
    "digits": open_digits,
    "glyphs": open_glyphs,
}
NAMES |= {kind: opener(kind) for kind in KINDS}
AROUND: dict[str, Callable[[Found, Request], Found]] = {"distractor": add_distractor}  # NAME:SPEC
FILES: dict[str, Callable[[Path, Request], Found]] = {".npz": open_npz, ".parquet": open_parquet}

SHARES = (0.70, 0.15, 0.15)  # of data without splits of their own
VAL_SHARE = 0.15  # of a given train part


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

    `info` holds spec, name (short), seed, source (how the splits came about), skipped ([{path,
    reason}]) and notes. Raises InputError for anything that cannot be used.

    >>> data = load_data("distractor:digits")
    >>> data.shape, len(data.train), len(data.val), len(data.test)
    ((1, 32, 16), 1258, 270, 269)
    """
    if channels not in (None, 1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (RGB), not {channels}")
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
    rows, how, notes = _divide(found, seed)
    _check_division(found, rows, str(spec))
    info = {
        "spec": str(spec),
        "name": found.name,
        "seed": seed,
        "source": how,
        "divided": found.parts is None,
        "skipped": found.skipped,
        "notes": [*found.notes, *notes],
    }
    train, val, test = (Split(found.source, part, found.classes) for part in rows)
    return Data(train, val, test, info)


def _height_width(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    h, w = (size, size) if isinstance(size, int) else size
    if h < 1 or w < 1:
        raise InputError(f"image size must be at least 1 pixel a side, not {h}×{w}")
    return h, w


def _open(spec: str, request: Request) -> Found:
    name, _, rest = spec.partition(":")
    if name in AROUND:
        if not rest:
            raise InputError(f'"{name}" needs data after a colon, such as "{name}:digits"')
        return AROUND[name](_open(rest, request), request)
    found = NAMES[name](rest, request) if name in NAMES else _open_path(_find(spec), request)
    return replace(found, source=resized(found.source, request, spec))


def _open_path(path: Path, request: Request) -> Found:
    if path.is_dir():
        pairs = [p for p in path.glob(f"*{TRAIN}") if len(pair_of(p)) == 2]
        return open_parquet(pairs[0], request) if len(pairs) == 1 else open_folder(path, request)
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
        f"{PREFIX}:DATA",
        *(f"{name}:DATA" for name in AROUND),
        *(f"FILE{s}" for s in FILES),
        "a folder",
    ]
    raise InputError(f"{unknown_name('data', spec, known)}; and there is {missing}")


def _divide(found: Found, seed: int) -> tuple[list[np.ndarray], str, list[str]]:
    """Return the rows of train, val and test, how they came about, and notes on that."""
    rows = np.arange(len(found.source))
    labels = found.source.labels
    if found.parts is None:
        return divide(labels, rows, SHARES, seed), "divided 70/15/15", []
    train, val, test = (rows[found.parts == part] for part in ("train", "val", "test"))
    if len(val) and len(test):
        return [train, val, test], "train/val/test given", []
    given = "test" if len(test) else "val"
    notes = [] if len(test) else ["no test part: val is used as test"]
    notes.append(f"val is {VAL_SHARE:.0%} of train")
    held_out = test if len(test) else val
    train, val = divide(labels, train, (1 - VAL_SHARE, VAL_SHARE), seed)
    return [train, val, held_out], f"train/{given} given", notes


def _check_division(found: Found, rows: list[np.ndarray], spec: str) -> None:
    """Raise InputError unless every split has images and can be learnt from."""
    labels, classes = found.source.labels, found.classes
    if labels is not None and classes is not None:
        counts = [np.bincount(labels[part], minlength=len(classes)) for part in rows]
        total = np.sum(counts, axis=0)
        if np.count_nonzero(total) < 2:
            raise InputError(
                f"{spec} holds one class only ({classes[int(np.argmax(total))]}); give at least "
                "two classes, or a folder of images alone for data without labels"
            )
        for name, n, in_train in zip(classes, total, counts[0], strict=True):
            if found.parts is None and 0 < n < 3:
                raise InputError(
                    f'class "{name}" of {spec} has {n} readable image(s), too few for train, val '
                    "and test; give at least 3, better 20, or remove the class"
                )
            if n and not in_train:
                raise InputError(
                    f'class "{name}" of {spec} is missing from train; '
                    "every class needs images there"
                )
    for part, name in zip(rows, ("train", "val", "test"), strict=True):
        if not len(part):
            raise InputError(
                f"{spec} has too few images ({len(found.source)}): its {name} part is empty; "
                "give more images"
            )
