import errno
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import (
    content_hash,
    inside,
    make_folder,
    plain,
    read_json,
    read_tensors,
    target,
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
from offmanifold._core.errors import InputError
from offmanifold._core.files import write_tensors, write_text
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


def test_a_bug_in_a_writer_is_no_full_disk(tmp_path: Path):
    with pytest.raises(RuntimeError, match="overwrites"):
        write_atomically(tmp_path / "file", broken(RuntimeError("overwrites itself")))


def test_a_place_below_a_file_is_unwritable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.json", tmp_path / "file" / "folder" / "x.json"):
        with pytest.raises(InputError, match=r"cannot write .*file.*`out`"):
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


LEAVER = """
import os, signal, sys
from pathlib import Path
from offmanifold._core.files import write_atomically

def write(path):
    path.write_text("half")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.read()

write_atomically(Path(sys.argv[1]), write)
"""


def writer(path: Path, end: str) -> subprocess.Popen:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", LEAVER, str(path), end], **pipes)


def test_what_the_dead_left_goes_and_what_the_living_write_stays(tmp_path: Path):
    living = writer(tmp_path / "living.json", "wait")
    assert living.stdout is not None and living.stdout.readline() == "writing\n"
    dead = writer(tmp_path / "dead.json", "die")
    assert (dead.communicate("")[0], dead.returncode) == ("", -9)
    (tmp_path / ".mine.part").write_text("mine")
    assert len(list(tmp_path.iterdir())) == 3
    write_text(tmp_path / "other.json", "new")
    left = sorted(p.name for p in tmp_path.iterdir())
    assert [left[1], left[2]] == [".mine.part", "other.json"]
    assert left[0].startswith(".living.json.")
    assert living.communicate("")[0] == ""
    assert living.returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [".mine.part", "living.json", "other.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_may_read(tmp_path: Path, umask: int, mode: int):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "folder" / "file", "x")
        write_tensors(tmp_path / "folder" / "tensors", {"a": torch.ones(1)})
    finally:
        os.umask(before)
    assert [p.stat().st_mode & 0o777 for p in (tmp_path / "folder").iterdir()] == [mode, mode]
    assert (tmp_path / "folder").stat().st_mode & 0o777 == mode | (mode & 0o444) >> 2


@pytest.mark.parametrize("name", ["a" * 255, "場" * 85, "x" * 240 + ".json"])
def test_the_longest_names_are_written(tmp_path: Path, name: str):
    write_text(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]
    with pytest.raises(InputError, match="File name too long"):
        write_text(tmp_path / f"{name}{'x' * 100}", "x")


@pytest.mark.parametrize("name", ["a" * 300, "場" * 300, "a/b c:*", "ok-1.2_3"])
def test_a_name_as_part_of_a_file_s(name: str):
    made = plain(name)
    assert len(os.fsencode(made)) <= 150
    assert not set(made) & set("/ :*")
    assert made == plain(name) and (made == name) == (name == "ok-1.2_3")
    assert plain("a" * 300) != plain("a" * 299 + "b")


def test_links_of_the_user_lead_and_stay(tmp_path: Path):
    (tmp_path / "far").mkdir()
    for link, where in (("one", "two"), ("two", "far/file"), ("loop", "loop")):
        (tmp_path / link).symlink_to(where)
    write_text(target(tmp_path / "one"), "x")  # a link to a link to a file that is not there yet
    assert (tmp_path / "far/file").read_text() == "x"
    assert (tmp_path / "one").is_symlink()
    with pytest.raises(InputError, match=r"cannot write .*loop"):
        write_text(target(tmp_path / "loop") / "x", "x")
    assert target(tmp_path / "far/../plain") == tmp_path / "far/../plain"


def test_a_link_within_a_folder_is_replaced_and_not_followed(tmp_path: Path):
    (tmp_path / "letter").write_text("dear")
    (tmp_path / "page").symlink_to("letter")
    write_text(tmp_path / "page", "x")
    assert (tmp_path / "letter").read_text() == "dear"


def test_what_is_no_file_is_not_replaced(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError):
            write_text(place, "x")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    "names", [["../x"], ["a", ".."], ["/etc/x"], [""], ["."], ["a\\b"], ["a\0"], [3], ["a", "b/c"]]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, names: list):
    with pytest.raises(InputError, match=r"saved\.json names a file"):
        inside(tmp_path, *names, source=tmp_path / "saved.json")


def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path):
    (tmp_path / "column").symlink_to(tmp_path.parent)
    with pytest.raises(InputError, match="is a link"):
        inside(tmp_path, "column", "0.png", source=tmp_path)
    assert inside(tmp_path, "other", "0.png", source=tmp_path) == tmp_path / "other/0.png"


def test_every_flipped_bit_of_tensors_is_found_or_harmless(tmp_path: Path):
    path, tensors = tmp_path / "file", {"weight": torch.rand(3, 4), "n": torch.tensor(7)}
    write_tensors(path, tensors, {"classes": '["a"]'})
    whole, again = path.read_bytes(), tmp_path / "again"
    write_tensors(again, dict(reversed(tensors.items())), {"classes": '["a"]'})
    assert again.read_bytes() == whole
    accepted = 0
    for place in range(len(whole)):
        for bit in (0, 5):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                read, metadata = read_tensors(path)
            except InputError as error:
                assert str(path) in str(error)
                continue
            accepted += 1
            assert all(read[k].equal(tensors[k]) for k in tensors)
            assert metadata["classes"] == '["a"]'
    assert accepted <= 2 * len("offmanifold.sha256")  # in the name of the hash itself


def test_tensors_of_others_need_no_hash(tmp_path: Path):
    save_file({"a": torch.ones(2)}, tmp_path / "file", metadata={"format": "pt"})
    assert read_tensors(tmp_path / "file")[1] == {"format": "pt"}


def test_json_holds_names_that_are_no_unicode(tmp_path: Path):
    value = {"path": "\udc93\\udc93 \u732b"}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value


def test_a_sealed_file_whose_digit_flips_is_named_and_others_are_read_as_they_are(tmp_path: Path):
    path = tmp_path / "metrics.json"
    write_json(path, {"val_accuracy": 0.85, 1: [0.1, None, "é"]}, sealed=True)
    assert read_json(path) == {"val_accuracy": 0.85, "1": [0.1, None, "é"]}
    path.write_text(path.read_text().replace("0.85", "0.95"))
    with pytest.raises(InputError, match=r"metrics.json is damaged"):
        read_json(path)
    write_json(path, {**json.loads(path.read_text()), "more": 1})  # written anew: no hash of before
    assert read_json(path)["val_accuracy"] == 0.95


@pytest.mark.parametrize("text", ["[" * 200_000, '{"offmanifold.sha256": 1, "a": NaN}'])
def test_json_that_cannot_be_read_is_one_sentence(text: str, tmp_path: Path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x.json is not valid JSON"):
        read_json(tmp_path / "x.json")
