import errno
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from offmanifold.errors import InputError, RunError
from offmanifold.files import (
    content_hash,
    make_folder,
    read_json,
    read_tensors,
    tensors_hash,
    write_atomically,
    write_json,
    write_tensors,
    write_text,
)


def broken(error: BaseException) -> Callable[[Path], None]:
    """Return a writer that fails halfway."""

    def write(path: Path) -> None:
        path.write_text("half")
        raise error

    return write


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), KeyboardInterrupt(), OSError(errno.EIO, "")]
)
@pytest.mark.parametrize("before", [None, "former"])
def test_a_broken_writer_leaves_what_was_there(tmp_path: Path, error, before: str | None):
    path = tmp_path / "file.txt"
    if before:
        path.write_text(before)
    with pytest.raises((type(error), InputError)):
        write_atomically(path, broken(error))
    assert [p.read_text() for p in tmp_path.iterdir()] == ([before] if before else [])


def test_the_former_content_is_there_until_the_new_one_is_whole(tmp_path: Path):
    path = tmp_path / "file.txt"
    write_text(path, "former")
    seen = []

    def write(temporary: Path) -> None:
        temporary.write_text("new")
        seen.append(path.read_text())

    write_atomically(path, write)
    assert [*seen, path.read_text()] == ["former", "new"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_run_error(tmp_path: Path, code: int):
    path = tmp_path / "file.txt"
    with pytest.raises(RunError, match=r"no space left to write .*file\.txt"):
        write_atomically(path, broken(OSError(code, os.strerror(code))))
    assert not list(tmp_path.iterdir())


REFUSED = """
import resource, signal, sys
from pathlib import Path
import torch
from offmanifold.errors import InputError
from offmanifold.files import write_tensors, write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    {write}
except InputError as error:
    sys.exit(7 if str(error).count("file (File too large)") else str(error))
"""


@pytest.mark.parametrize(
    "write",
    [
        "write_tensors(Path('file'), {'a': torch.ones(9000)})",
        "write_text(Path('file'), 'a' * 9000)",
    ],
    ids=["tensors", "text"],
)
def test_what_the_system_refuses_is_named(tmp_path: Path, write: str):
    # in a process of its own: the limit holds for every file of a process, a log that stdout
    # was redirected into among them
    code = REFUSED.replace("{write}", write)
    end = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert end.returncode == 7, end.stderr
    assert not list(tmp_path.iterdir())


def test_safetensors_tells_of_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from safetensors import SafetensorError

    def save_file(*args, **kwargs):
        raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")

    monkeypatch.setattr("offmanifold.files.save_file", save_file)
    with pytest.raises(RunError, match="no space left"):
        write_tensors(tmp_path / "file", {"a": torch.ones(1)})


def test_a_bug_in_a_writer_is_no_full_disk(tmp_path: Path):
    with pytest.raises(RuntimeError, match="overwrites"):
        write_atomically(tmp_path / "file", broken(RuntimeError("overwrites itself")))


def test_a_place_below_a_file_is_unwritable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.json", tmp_path / "file" / "folder" / "x.json"):
        with pytest.raises(InputError, match=r"cannot write .*file.*--out"):
            write_json(path, {})
    with pytest.raises(InputError, match="cannot write"):
        make_folder(tmp_path / "file")


def test_written_files_can_be_read_by_others(tmp_path: Path):
    write_text(tmp_path / "a" / "b" / "file", "ü")
    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "a" / "b" / "file").read_text(encoding="utf-8") == "ü"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_json_has_not(tmp_path: Path, value: float):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "file.json", {"a": [value]})
    assert not list(tmp_path.iterdir())


def test_json_there_and_back(tmp_path: Path):
    value = {"é": [1, 0.1, None, True], "b": {"c": "手"}}
    write_json(tmp_path / "file.json", value)
    assert read_json(tmp_path / "file.json") == value


def test_json_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot read .*none\.json: No such file"):
        read_json(tmp_path / "none.json")
    for content in (b"", b'{"a": 1', b"\xff\xfe"):
        (tmp_path / "half.json").write_bytes(content)
        with pytest.raises(InputError, match=r"half\.json is not valid JSON"):
            read_json(tmp_path / "half.json")


def test_tensors_there_and_back(tmp_path: Path):
    shared = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    tensors = {"a": shared, "b": shared, "c": shared.transpose(0, 1), "n": torch.tensor(7)}
    write_tensors(tmp_path / "file.safetensors", tensors, {"classes": "[]"})
    read, metadata = read_tensors(tmp_path / "file.safetensors")
    assert metadata == {"classes": "[]"}
    assert read.keys() == tensors.keys()
    assert all(read[k].equal(tensors[k]) for k in tensors)


def test_tensors_that_cannot_be_read_are_named(tmp_path: Path):
    (tmp_path / "half").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("half", "empty", "none", "."):
        with pytest.raises(InputError, match="cannot read the tensors in"):
            read_tensors(tmp_path / name)


def test_content_hash_is_of_the_content():
    assert content_hash({"a": 1, "b": [0.5]}) == content_hash({"b": (0.5,), "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert content_hash({"a": 1}) == "015abd7f5cc5"  # as on every machine, now and later
    with pytest.raises(ValueError, match="JSON compliant"):
        content_hash(math.nan)


def test_tensors_hash_sees_names_types_shapes_and_values():
    a = torch.arange(6.0)
    states = [
        {"a": a},
        {"b": a},
        {"a": a.double()},
        {"a": a.view(2, 3)},
        {"a": a.flip(0)},
        {"a": a.bfloat16()},
        {"a": a > 2},
        {"a": torch.empty(0)},
        {"a": torch.tensor(1.0)},
    ]
    assert len({tensors_hash(s) for s in states}) == len(states)
    image = torch.rand(2, 3, 4, 5)
    other_layout = image.to(memory_format=torch.channels_last)
    assert tensors_hash({"b": a, "a": image}) == tensors_hash({"a": other_layout, "b": a})
