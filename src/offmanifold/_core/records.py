"""Saved documents as typed records: JSON of the wrong shape is one sentence with file and field."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json

T = TypeVar("T")


def as_record(value: Any, kind: type[T], path: Path | str) -> T:
    """Return plain JSON values as a record; keys that this version does not know are passed over.

    path: the file they are of. Raises InputError that names the file, the field and what it should
    be.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `")
        field = place.rstrip("`").removeprefix("$").removeprefix(".") or "its top"
        raise InputError(
            f"{path} is damaged, at {field}: {said[:1].lower()}{said[1:]}; restore it, or make it "
            "anew"
        ) from error


def read_record(path: Path, kind: type[T]) -> T:
    """Read a JSON file as a record. Raises InputError as `read_json` and `as_record` do."""
    return as_record(read_json(path), kind, path)


def schema_of(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a record."""
    return msgspec.json.schema(kind)
