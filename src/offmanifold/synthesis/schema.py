"""What `synthesis.json` holds: a gallery of made images, and what came of each.

What is not known of an image, or does not apply to its use, is absent.
"""

from pathlib import Path
from typing import Any

import msgspec

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.reasons import Reason
from offmanifold._core.records import as_record
from offmanifold._core.statistics import Number
from offmanifold.synthesis import reasons  # noqa: F401 - the words of the codes below

Config = dict[str, Any]  # plain JSON
SCHEMA = "offmanifold.synthesis/1"
SAVED, PICTURES = "synthesis.json", "images.safetensors"
RESULT = "result"  # the column that is what was asked for


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the file; keys that this version does not know are passed over."""


class Numbers(Record, frozen=True, rename={"target": "class"}):
    """What came of one image, judged as it is written, in 8 bits.

    target: the class that it was made for. was: the class seen before a counterfactual, already:
    whether that was the target, found: whether the decision was turned. before, after: the class
    seen in what was begun with, and in the result. probability: of the target. norm: ‖change‖₂,
    pixels in [0, 1]. steps: taken. nearest: l2 distance of the nearest training image. sigma: of
    the noise, a standard deviation per pixel. pieces: of an image larger than the model's, of which
    the norm alone is that of the whole. error: {column: root mean square per pixel}, to the
    original.
    """

    target: str | None = None
    was: str | None = None
    already: bool | None = None
    found: bool | None = None
    before: str | None = None
    after: str | None = None
    probability: float | None = None
    norm: float | None = None
    steps: int | None = None
    nearest: float | None = None
    sigma: float | None = None
    pieces: int | None = None
    error: dict[str, float] | None = None


class MadeImage(Record, frozen=True):
    """One image. columns: of its pictures, in order; that of `RESULT` is what was asked for."""

    name: str
    columns: tuple[str, ...]
    numbers: Numbers


class Diversity(Record, frozen=True):
    """Mean l2 distance of two images of one class: of n made ones, and of training images."""

    made: float
    real: float
    n: int
    classes: int


class Loss(Record, frozen=True):
    """A way whose error is larger than that of a baseline without a classifier, and by how much."""

    way: str
    baseline: str
    difference: Number


class Scores(Record, frozen=True):
    """Mean error of each column to the originals. few: images, where too few to tell a loss."""

    errors: dict[str, Number]
    lost: tuple[Loss, ...]
    few: int | None = None


class GalleryRecord(Record, frozen=True):
    """All of a gallery but its pictures.

    use: generate, denoise, inpaint, superresolve or counterfactual. config: what changes the
    images, its `mode` among it. planned: images asked for, of which `rows` are made. model,
    manifold: their names. altered: {alteration: files so altered before anything was made of them}.
    """

    schema: str
    use: str
    config: Config
    planned: int
    model: str
    manifold: str | None
    rows: tuple[MadeImage, ...]
    warnings: tuple[Reason, ...]
    diversity: Diversity | None = None
    scores: Scores | None = None
    altered: dict[str, tuple[str, ...]] | None = None

    def __post_init__(self):
        if not isinstance(self.config.get("mode"), str):
            raise ValueError("its config names no mode")


class Batch(Record, frozen=True):
    """What stands with the pictures of a batch that is finished before the others."""

    config: Config
    rows: tuple[MadeImage, ...]


def read_gallery(folder: str | Path) -> GalleryRecord:
    """Return the record of a folder of made images.

    Raises InputError where it holds none, or one that is damaged or of another shape.
    """
    path = Path(folder) / SAVED
    saved = read_json(path)
    schema = saved.get("schema") if isinstance(saved, dict) else None
    if not str(schema).startswith("offmanifold.synthesis/"):
        raise InputError(f"{folder} holds no made images")
    return as_record(saved, GalleryRecord, path)


def write_gallery(folder: Path, record: GalleryRecord) -> None:
    """Write the record of a folder of made images, sealed by its hash."""
    write_json(folder / SAVED, msgspec.to_builtins(record), sealed=True)
