"""Folders that are never half written, as bytes and in place."""

import contextlib
import io
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from offmanifold._core.errors import InputError, named_write_errors
from offmanifold._core.files import make_folder, neighbour, remove_if_left
from offmanifold._core.locks import is_at, is_taken

TEMPORARY = ".offmanifold.tmp"  # end of the name of a folder of what is under way
NEW, OLD = "new", "old"


def packed(place: Path, without: tuple[str, ...] = ()) -> bytes:
    """Return a folder's files, or the one file, as a tar.

    without: ends of names in a folder that are left out, as links in it are.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        if place.is_file():
            tar.add(place.resolve(), place.name)  # a link would be packed as such
        for path in sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.endswith(without):
                tar.add(path, str(path.relative_to(place)))
    return buffer.getvalue()


def unpack(data: bytes, folder: Path) -> Path:
    """Put the files of a tar in place of a folder, whole or not at all; nothing outside of it."""

    def write(new: Path) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(new, [member for member in tar if member.isreg()], filter="data")

    return replace_folder(folder, write)


def check_place(folder: Path) -> None:
    """Raise now, before anything long is begun, where `replace_folder` could not put a folder."""
    if Path.cwd().is_relative_to(folder.absolute()):
        raise InputError(f"{folder} is the working directory; give another folder with `out`")
    make_folder(folder.parent)
    with named_write_errors(folder), working_folder(folder):
        pass


def replace_folder(folder: Path, write: Callable[[Path], object]) -> Path:
    """Call `write(new folder)` and put it in place of a folder, whole or not at all.

    Whatever goes wrong, Ctrl-C included, what was there is there still; after a kill between the
    two renames `recover` finds it.
    """
    make_folder(folder.parent)
    recover(folder)
    with named_write_errors(folder), working_folder(folder) as place:
        new, old = place / NEW, place / OLD
        new.mkdir()
        write(new)
        try:
            if folder.exists():
                os.rename(folder, old)
            os.replace(new, folder)
        except BaseException:  # Ctrl-C too: `old` would go with the temporary folder
            if old.exists() and not folder.exists():
                os.replace(old, folder)
            raise
    return folder


@contextlib.contextmanager
def working_folder(beside: Path, mode: int = 0o777) -> Iterator[Path]:
    """Make a folder for what is under way beside a place; it goes in the end.

    Those of the same name that killed processes left go at once.
    """
    for left in _left(beside):
        remove_if_left(left, shutil.rmtree)
    while True:
        place = neighbour(beside, f".{secrets.token_hex(4)}{TEMPORARY}")
        place.mkdir(mode)
        handle = os.open(place, os.O_RDONLY)
        if not is_taken(handle) and is_at(handle, place):
            break
        os.close(handle)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def recover(folder: Path) -> None:
    """Put a folder in place that a process was about to put there when it was killed."""

    def put(left: Path) -> None:
        whole = (left / OLD).is_dir() and (left / NEW).is_dir()  # killed between two renames
        if whole and not folder.exists():
            os.replace(left / NEW, folder)

    for left in _left(folder):
        remove_if_left(left, put)


def _left(beside: Path) -> list[Path]:
    """Return the folders of what is or was under way beside a place."""
    start = neighbour(beside, ".")
    try:
        names = os.listdir(start.parent)
    except OSError:
        return []
    found = [n for n in names if n.startswith(start.name) and n.endswith(TEMPORARY)]
    tokens = {n: n[len(start.name) : -len(TEMPORARY)] for n in found}
    return [start.parent / n for n, token in tokens.items() if "." not in token]
