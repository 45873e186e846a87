import errno
import io
import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from offmanifold.errors import InputError, RunError
from offmanifold.files import (
    check_place,
    content_hash,
    make_folder,
    packed,
    read_json,
    read_tensors,
    replace_folder,
    tensors_hash,
    unpack,
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


def test_a_folder_comes_back_as_it_was_without_what_is_not_wanted(tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.json").write_text("{}")
    (tmp_path / "a/resume.pt").write_text("large")
    (tmp_path / "a/b/.x.json.1.part").write_text("{")
    (tmp_path / "a/link").symlink_to("/etc/hostname")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/old").write_text("old")
    unpack(packed(tmp_path / "a", without=("resume.pt", ".part")), tmp_path / "c")
    assert [str(p.relative_to(tmp_path / "c")) for p in tmp_path.glob("c/**/*")] == [
        "b",
        "b/x.json",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c"]  # nothing left over


def test_one_file_comes_back_under_its_name_though_it_is_a_link(tmp_path: Path):
    (tmp_path / "content").write_text("x")
    (tmp_path / "w.pt").symlink_to("content")
    for name in ("content", "w.pt"):
        unpack(packed(tmp_path / name), tmp_path / "c")
        assert {p.name: p.read_text() for p in tmp_path.glob("c/*")} == {name: "x"}


def test_nothing_is_written_outside_the_folder(tmp_path: Path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c/kept").write_text("kept")
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(buffer.getvalue(), tmp_path / "c")
    assert (tmp_path / "c/kept").read_text() == "kept"
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_do_not_come_back(kind: bytes, tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    link, through = tarfile.TarInfo("link"), tarfile.TarInfo("link/file")
    link.type, link.linkname = kind, str(tmp_path)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(link)
        tar.addfile(through)
    unpack(buffer.getvalue(), tmp_path / "c")
    assert not (tmp_path / "c/link").is_symlink()
    assert (tmp_path / "c/link/file").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "secret"]


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("x")
    data = packed(tmp_path / "a")

    def full(self, *args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extractall", full)
    with pytest.raises(RunError, match="no space left"):
        unpack(data, tmp_path / "a")
    assert (tmp_path / "a/x").read_text() == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path):
    folder = tmp_path / "made"
    replace_folder(folder, lambda new: (new / "one").write_text("1"))
    replace_folder(folder, lambda new: (new / "two").write_text("2"))
    assert [p.name for p in folder.iterdir()] == ["two"]

    def broken(new: Path) -> None:
        (new / "three").write_text("3")
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        replace_folder(folder, broken)
    assert [p.name for p in folder.iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_a_folder_is_there_still_when_its_replacement_is_interrupted(tmp_path, monkeypatch):
    folder = tmp_path / "made"
    replace_folder(folder, lambda new: (new / "a").write_text("old"))

    real, calls = os.replace, []

    def interrupted(source, target):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr("offmanifold.files.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(folder, lambda new: (new / "a").write_text("new"))
    assert [p.name for p in tmp_path.iterdir()] == ["made"]
    assert (folder / "a").read_text() == "old"


def test_a_place_is_checked_without_a_trace(tmp_path, monkeypatch):
    check_place(tmp_path / "made")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        check_place(tmp_path / "file/made")
    monkeypatch.chdir(tmp_path)
    for place in (Path("."), tmp_path, tmp_path.parent):
        with pytest.raises(InputError, match="working directory"):
            check_place(place)


def test_json_holds_names_that_are_no_unicode(tmp_path: Path):
    value = {"path": "\udc93\\udc93 \u732b"}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
