"""`FILE.parquet`: a table of encoded images, as Hugging Face `datasets` writes it.

Column `image` or `img`: struct {bytes, path} or binary. Column `label`, `labels` or `fine_label`,
optional: integers; class names are taken from the Hugging Face metadata where there are any. Of
files of one data set side by side (`shards`), giving any loads all, each as its split.
"""

import errno
import hashlib
import json
import os
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from offmanifold._core.errors import InputError, RunError
from offmanifold.data.decode import BadImage
from offmanifold.data.encoded import EncodedSource
from offmanifold.data.labels import as_labels, numbered_classes
from offmanifold.data.legible import readable, readable_names, some
from offmanifold.data.request import Found, Request
from offmanifold.data.shards import Tables, tables_of


def open_parquet(path: Path, request: Request) -> Found:
    """Return the images of a table and of those that belong to it."""
    return open_tables(tables_of(path), request)


def open_tables(tables: Tables, request: Request) -> Found:
    """Return the images of the tables of one data set."""
    store = _Store()
    names: list[str] = []
    parts: list[str] = []
    labels: list[np.ndarray | None] = []
    classes: list[tuple[str, ...] | None] = []
    for part, files in tables.files.items():
        before = len(names)
        for file in files:
            n, file_labels, file_classes = _read(file, store)
            done = len(names) - before
            names += [f"{part}/{done + i}" if part else str(done + i) for i in range(n)]
            parts += [part] * n
            labels.append(file_labels)
            classes.append(file_classes)
    paths = [str(file) for files in tables.files.values() for file in files]
    where = readable(" and ".join(paths) if len(paths) < 4 else some(paths, 2))
    if len(set(classes)) > 1 or len({x is None for x in labels}) > 1:
        raise InputError(f"{where} differ in their classes or label column; write both alike")
    if not names:
        raise InputError(f"{where} holds no image")
    joined = np.concatenate([x for x in labels if x is not None]) if labels[0] is not None else None
    source = EncodedSource(names, joined, store.get, request, where)
    told = [*tables.told, *source.notes]
    first = next(iter(tables.files.values()))[0]
    others = [readable(c) for c in pq.read_schema(first).names if c not in IMAGE]
    if joined is None and others:
        told.append(f'without labels: {where} has no column "label" (but {some(others)})')
    return Found(
        name=tables.name,
        source=source,
        classes=classes[0] or (None if joined is None else numbered_classes(joined, where)),
        parts=np.array(parts)[source.kept] if "" not in tables.files else None,
        skipped=source.skipped,
        whites=source.whites,
        told=tuple(told),
    )


LARGE = 2**16  # bytes of an image that is worth a look whether it repeats
IMAGE, LABEL = ("image", "img"), ("label", "labels", "fine_label")


class _Store:
    """Encoded images in a temporary file: any of them is at hand, and none in memory.

    Large ones that repeat are kept once: a dictionary in a table repeats them for a few bytes.
    """

    def __init__(self):
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (lives as long as this)
        weakref.finalize(self, self._file.close)
        self._end = 0
        self._places: list[tuple[int, int]] = []
        self._large: dict[bytes, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def add(self, content: bytes | None) -> None:
        content = content or b""
        large = hashlib.sha256(content).digest() if len(content) > LARGE else b""
        if large in self._large:
            self._places.append(self._large[large])
            return
        try:
            if self._file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise RunError(
                f"cannot write images to {tempfile.gettempdir()} ({error.strerror}); "
                "free space there, or set TMPDIR to another folder"
            ) from error
        self._places.append((self._end, self._end + len(content)))
        self._end += len(content)
        if large:
            self._large[large] = self._places[-1]

    def get(self, i: int) -> bytes:
        start, end = self._places[i]
        if start == end:
            raise BadImage("it has no bytes")
        with self._lock:
            self._file.seek(start)
            return self._file.read(end - start)


def _read(path: Path, store: _Store) -> tuple[int, np.ndarray | None, tuple[str, ...] | None]:
    """Add the images of one file to the store; return their number, labels and class names."""
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            image, label = (_first(names, schema) for names in (IMAGE, LABEL))
            _check_column(schema, image, path)
            labels = [np.empty(0, np.int64)]
            for batch in file.iter_batches(
                batch_size=256, columns=[name for name in (image, label) if name]
            ):
                images = batch.column(image)
                if pa.types.is_struct(images.type):
                    images = images.field("bytes")
                for content in images.to_pylist():
                    store.add(content)
                if label:
                    labels.append(batch.column(label).to_numpy(zero_copy_only=False))
            n = file.metadata.num_rows
    except (OSError, ValueError, pa.ArrowException) as error:  # names that are no UTF-8 too
        raise InputError(f"cannot read {path} as parquet ({error})") from error
    if not label:
        return n, None, None
    where = f'column "{label}" of {path}'
    checked = as_labels(np.concatenate(labels), n, where)  # a missing label makes them floats
    classes = _class_names(schema, label, path)
    if classes is not None and n and checked.max() >= len(classes):
        raise InputError(f"{where} holds {checked.max()}, but only {len(classes)} names are given")
    return n, checked, classes


def _first(names: Sequence[str], schema: pa.Schema) -> str:
    """Return the first of the names that a column has, or nothing."""
    return next((name for name in names if schema.names.count(name) == 1), "")


def _check_column(schema: pa.Schema, image: str, path: Path) -> None:
    if not image:
        there = readable(", ".join(schema.names))
        raise InputError(f'{path} has no column "image" (it has {there})')
    kind = schema.field(image).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise InputError(
            f'column "{image}" of {path} is {kind}; it must hold encoded images (bytes)'
        )


def _class_names(schema: pa.Schema, label: str, path: Path) -> tuple[str, ...] | None:
    """Return the names of the feature `label` in Hugging Face metadata, if any.

    Raises InputError for two classes of one name.
    """
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])
        names = tuple(map(str, info["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return None
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise InputError(f'two classes of {path} are called "{readable(twice[0])}"; rename one')
    return tuple(readable_names(names).values())
