"""What a file is by its first bytes, where it is not the weights it is taken for."""

import json
import zipfile
from pathlib import Path

from offmanifold._core.errors import InputError

FOREIGN = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "run git lfs pull"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow write", "{save}"),
    (b"\x08\x01\x12", "a model of TensorFlow", "{save}"),
    (b"GGUF", "a GGUF file", "{save}"),
    (b"%PDF", "a PDF", "{save}"),
    (b"\x89PNG", "a picture", "{save}"),
    (b"\xff\xd8\xff", "a picture", "{save}"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"Rar!", "a rar archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive", "unpack it first"),
    (b"\x93NUMPY", "an array of NumPy", "{save}"),
)
SAVE = 'save one with torch.save(model.state_dict(), "FILE.pth") where the model was made'
PICKLE = b"\x80"  # from protocol 2 on
ONNX = (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42")  # a field of a model, after its version


def is_safetensors(path: Path) -> bool:
    """Return whether a file begins as safetensors does, whatever its name."""
    head = _head(path, 9)
    if len(head) < 9 or head[8:] != b"{":
        return False
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= path.stat().st_size - 8


def check_weights_file(path: Path) -> None:
    """Raise InputError for a file that can hold no weights of torch, saying what it is."""
    head = _head(path, 512)
    kind, mend = _kind(path, head)
    if kind is not None:
        raise InputError(f"{path} is {kind}, and no file of weights; {mend.format(save=SAVE)}")


def _kind(path: Path, head: bytes) -> tuple[str | None, str]:
    if not head:
        return "empty", "copy or download it again"
    for magic, kind, mend in FOREIGN:
        if head.startswith(magic):
            return kind, mend
    if head[4:8] == b"TFL3":
        return "a model of TensorFlow Lite", SAVE
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it first"
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page", "download the file itself, not the page about it"
    if text.startswith((b"{", b"[")) and not is_safetensors(path):
        return "JSON", "give the file of weights that lies beside it"
    if head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        return _kind_of_zip(path)
    if head[:1] == b"\x08" and head[1:2] < b" " and head[2:3] in ONNX:
        return "an ONNX model", SAVE
    if _is_text(head):
        return "a text", SAVE
    if not head.startswith((PICKLE, b"PK")):
        return "nothing that torch or safetensors wrote, or is damaged", SAVE
    return None, ""


def _kind_of_zip(path: Path) -> tuple[str | None, str]:
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return "a TorchScript archive", (
            "load it with torch.jit.load in a FILE.py and give FILE.py:FUNCTION, or save "
            "its state_dict()"
        )
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy (.npz)", SAVE
    if any(name.endswith("config.json") for name in names) and any("keras" in n for n in names):
        return "a model of Keras", SAVE
    if any(name.endswith("/archive_format") for name in names):
        return "a program of torch.export", SAVE
    if not any(name.endswith("data.pkl") for name in names):
        return "a zip archive", "unpack it first"
    return None, ""


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a letter may be cut at the end
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(c.isprintable() or c in "\r\n\t" for c in text)


def shards_of(index: Path) -> list[Path]:
    """Return the files that an index of sharded weights names, in its folder.

    Raises InputError where it is none, or names a file that is missing or lies elsewhere.
    """
    try:
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in named.values()})
    except OSError as error:
        raise InputError(f"cannot read the weights {index}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{index} is JSON, and no index of weights (a weight_map of names to files); give the "
            "file of weights that lies beside it"
        ) from error
    paths = [index.parent / name for name in names]
    outside = [n for n in names if Path(n).name != n]
    if outside:
        raise InputError(f"{index} names {outside[0]}, which is no file in its own folder")
    missing = [p.name for p in paths if not p.is_file()]
    if missing or not paths:
        raise InputError(
            f"{index} names {len(paths)} files of weights, of which {len(missing)} are missing "
            f"({', '.join(missing[:3])}); copy them beside it"
        )
    return paths


def _head(path: Path, n: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(n)
    except OSError as error:
        raise InputError(f"cannot read the weights {path}: {error.strerror or error}") from error
