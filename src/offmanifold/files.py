"""Files that are never half written, and names made of content."""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from offmanifold.errors import InputError, RunError

PAGES, FIGURES = (".html", ".htm"), (".png", ".svg", ".pdf")


@contextlib.contextmanager
def named_write_errors(path: Path) -> Iterator[None]:
    """Raise InputError where a place is unwritable, RunError on a full disk, with its path."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"no space left to write {path}; what was finished is kept: free space and run "
                "the same command again"
            ) from error
        raise InputError(
            f"cannot write {path} ({error.strerror or error}); choose a writable folder with --out"
        ) from error


def make_folder(path: Path) -> Path:
    """Make a folder and its parents; raises InputError where it cannot be made."""
    with named_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)` and rename the result to `path`, so that no half file exists.

    Raises InputError where the place is unwritable, RunError on a full disk.
    """
    make_folder(path.parent)
    with named_write_errors(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        try:
            try:
                write(temporary)
            except SafetensorError as error:  # tells a failed write in its text alone
                code = re.search(r"os error (\d+)", str(error))
                if code is None:
                    raise
                raise OSError(int(code[1]), os.strerror(int(code[1]))) from error
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def check_suffix(path: Path, suffixes: Sequence[str], what: str) -> None:
    """Raise InputError where the name of a file says another format than what is written."""
    if path.suffix not in suffixes:
        raise InputError(f"{what} is written as {', '.join(suffixes)}, not as {path}")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    # a byte of a file's name in no known encoding is written as an escape, which JSON reads back
    write_atomically(path, lambda p: p.write_text(text, "utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically; NaN and infinity are refused (unknown values are null)."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; raises InputError that names a file that is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error})") from error


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None):
    """Write a safetensors file atomically; tensors are made contiguous and moved to the CPU."""
    plain = {k: v.detach().contiguous().cpu().clone() for k, v in tensors.items()}
    write_atomically(path, lambda p: save_file(plain, p, metadata=metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file and its metadata; raises InputError where it is missing or broken."""
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the tensors in {path}: {error}") from error


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
        raise InputError(f"{folder} is the working directory; give another folder with --out")
    make_folder(folder.parent)
    with named_write_errors(folder), tempfile.TemporaryDirectory(dir=folder.parent):
        pass


def replace_folder(folder: Path, write: Callable[[Path], object]) -> Path:
    """Call `write(new folder)` and put it in place of a folder, whole or not at all.

    Whatever goes wrong, Ctrl-C included, what was there is there still.
    """
    make_folder(folder.parent)
    with (
        named_write_errors(folder),
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place,
    ):
        new, old = Path(place) / "new", Path(place) / "old"
        new.mkdir()
        write(new)
        try:
            if folder.exists():
                shutil.move(folder, old)
            os.replace(new, folder)
        except BaseException:  # Ctrl-C too: `old` would go with the temporary folder
            if old.exists() and not folder.exists():
                os.replace(old, folder)
            raise
    return folder


def content_hash(value: Any) -> str:
    """Return the run identity: 12 hex digits of sha256 over canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_hash(path: Path) -> str:
    """Return 12 hex digits of sha256 over a file; raises InputError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def tensors_hash(tensors: dict[str, Tensor]) -> str:
    """Return 12 hex digits of sha256 over names, types, shapes and values of tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]
