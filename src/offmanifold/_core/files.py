"""Files that are never half written, and names made of content."""

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from offmanifold._core.errors import InputError, named_write_errors
from offmanifold._core.locks import is_at, is_taken

UNFINISHED = ".offmanifold.part"  # end of the name of a file until it is whole
LONGEST = 150  # bytes of a name to which something is added; file systems take 255
DIGEST = "offmanifold.sha256"
SEAL = b"\0sha256\0"  # before the hash at the end of a file
END = len(SEAL) + hashlib.sha256().digest_size
PAGES, FIGURES = (".html", ".htm"), (".png", ".svg", ".pdf")


def make_folder(path: Path) -> Path:
    """Make a folder and its parents; raises InputError where it cannot be made."""
    with named_write_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def short(name: str, most: int = LONGEST) -> str:
    """Return a name, the end of a long one (in bytes) replaced by digits of its hash."""
    raw = os.fsencode(name)
    if len(raw) <= most:
        return name
    return f"{raw[: most - 13].decode(errors='ignore')}-{hashlib.sha256(raw).hexdigest()[:12]}"


def plain(name: str) -> str:
    """Return a name as part of a file's: letters, digits, `.`, `_` and `-`, and not too long."""
    return short("".join(c if c.isalnum() or c in "._-" else "-" for c in name))


def neighbour(path: Path, ending: str) -> Path:
    """Return the hidden place beside a file or folder whose name is its own and an ending."""
    path = path.absolute()
    return path.with_name(f".{short(path.name)}{ending}")


def target(path: Path) -> Path:
    """Return where a path that the user gave leads: what is written there leaves links as they are.

    Paths within a folder are not followed so: it may be somebody else's.
    """
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def inside(folder: Path, *names: str, source: Path) -> Path:
    """Return the place of names that were read from a file, which lies in a folder.

    source: that file. Raises InputError for a name that leads elsewhere, through a link too.
    """
    place = folder
    for name in names:
        if not isinstance(name, str) or name in ("", ".", "..") or set(name) & set("/\\\0"):
            raise InputError(f'{source} names a file "{name}", which is no plain name; remove it')
        place /= name
        if place.is_symlink():
            raise InputError(f"{place} is a link, which would be written through; remove it")
    return place


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)` and rename the result to `path`, so that no half file exists.

    write: writes into that file, which is there and locked, and puts no other in its place. What
    killed processes left half written beside it goes. Raises InputError where the place is
    unwritable, RunError on a full disk.
    """
    make_folder(path.parent)
    with named_write_errors(path):
        clear(path.parent)
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path} is there and no file; choose another place")
        handle, temporary = _temporary(path)
        try:
            write(temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(handle)


def _temporary(path: Path) -> tuple[int, Path]:
    """Make an empty file beside another, locked: one that is free was left by a killed process."""
    while True:
        temporary = neighbour(path, f".{secrets.token_hex(4)}{UNFINISHED}")
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # as the umask says
        if not is_taken(handle) and is_at(handle, temporary):
            return handle, temporary
        os.close(handle)


def clear(folder: Path) -> None:
    """Remove the files that killed processes left half written in a folder."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(".") and name.endswith(UNFINISHED):
                remove_if_left(folder / name, os.unlink)


def remove_if_left(path: Path, remove: Callable[[Path], object]) -> None:
    """Call `remove(path)` unless the process that made it lives, or nobody can tell."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if is_taken(handle) is False:
                remove(path)
        finally:
            os.close(handle)


def check_suffix(path: Path, suffixes: Sequence[str], what: str) -> None:
    """Raise InputError where the name of a file says another format than what is written."""
    if path.suffix not in suffixes:
        raise InputError(f"{what} is written as {', '.join(suffixes)}, not as {path}")


def write_sealed(path: Path, content: bytes | memoryview) -> None:
    """Write bytes atomically with their hash behind them."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)
        with open(temporary, "ab") as file:
            file.write(SEAL + hashlib.sha256(content).digest())

    write_atomically(path, write)


def read_sealed(path: Path) -> memoryview:
    """Return what `write_sealed` wrote; raises InputError where it is anything else."""
    read = memoryview(path.read_bytes())
    content, seal = read[:-END], read[-END:]
    if bytes(seal) != SEAL + hashlib.sha256(content).digest():
        raise InputError("its content is not what was written")
    return content


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically; what is no Unicode in a name is escaped, as in JSON."""
    write_atomically(path, lambda p: p.write_text(text, "utf-8", "backslashreplace"))


def write_json(path: Path, value: Any, sealed: bool = False) -> None:
    """Write a JSON file atomically; NaN and infinity are refused (unknown values are null).

    sealed: the hash of an object stands among its entries, and is checked when it is read.
    """
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if k != DIGEST}  # of what it was before
    if sealed:
        value[DIGEST] = content_hash(json.loads(json.dumps(value, allow_nan=False)))
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises InputError that names a file that is missing, broken, or not as `write_json` wrote it.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))  # Notepad begins with a mark
        written = value.pop(DIGEST, None) if isinstance(value, dict) else None
        whole = written is None or written == content_hash(value)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({error})") from error
    if not whole:
        raise InputError(
            f"{path} is damaged: its content is not what was written; restore it, remove it and "
            f'make it anew, or, if it was changed on purpose, remove "{DIGEST}" from it'
        )
    return value


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None):
    """Write a safetensors file atomically; tensors are made contiguous and moved to the CPU.

    Their hash stands among the metadata, and is checked when they are read.
    """
    plain = {k: v.detach().contiguous().cpu().clone() for k, v in tensors.items()}
    given = metadata or {}
    content = save(plain, {**given, DIGEST: _hashed(plain, given)})
    write_atomically(path, lambda temporary: temporary.write_bytes(_sorted(content)))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file and its metadata.

    Raises InputError where it is missing, broken, or not as `write_tensors` wrote it.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the tensors in {path}: {error}") from error
    written = metadata.pop(DIGEST, None)
    if written is not None and written != _hashed(tensors, metadata):
        raise InputError(
            f"{path} is damaged: its content is not what was written; restore it, or remove its "
            "folder and make that anew"
        )
    return tensors, metadata


def _hashed(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    return _digest(tensors, json.dumps(metadata, sort_keys=True).encode()).hexdigest()


def _sorted(content: bytes) -> bytes:
    """Put the metadata of a safetensors file in order, which is another each time it is made."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(size)
    if len(text) > size:
        return content
    return b"".join([content[:8], text, memoryview(content)[8 + size :]])


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
    return _digest(tensors).hexdigest()[:12]


def _digest(tensors: dict[str, Tensor], first: bytes = b"") -> Any:
    digest = hashlib.sha256(first)
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest
