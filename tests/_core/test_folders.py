import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.folders import (
    check_place,
    packed,
    recover,
    replace_folder,
    unpack,
    working_folder,
)


def test_a_folder_comes_back_as_it_was_without_what_is_not_wanted(tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.json").write_text("{}")
    (tmp_path / "a/resume.pt").write_text("large")
    (tmp_path / "a/b/.x.json.1.offmanifold.part").write_text("{")
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

    monkeypatch.setattr("offmanifold._core.folders.os.replace", interrupted)
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


KILLED = """
import os, signal, sys
from pathlib import Path
from offmanifold._core import folders

def killed(*given, **more):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "between":
    folders.os.replace = killed  # the second of the two renames
elif sys.argv[2] == "after":
    folders.shutil.rmtree = killed
def write(new):
    (new / "a").write_text("new")
    if sys.argv[2] == "writing":
        killed()
folders.replace_folder(Path(sys.argv[1]), write)
"""


@pytest.mark.parametrize(
    ("moment", "left"), [("writing", "old"), ("between", "new"), ("after", "new")]
)
@pytest.mark.parametrize("name", ["made", "m.n", "x" * 250])
def test_a_folder_outlives_a_kill_at_any_moment(tmp_path: Path, moment: str, left: str, name: str):
    folder = tmp_path / name
    replace_folder(folder, lambda new: (new / "a").write_text("old"))
    line = [sys.executable, "-c", KILLED, str(folder), moment]
    assert subprocess.run(line).returncode == -9
    assert folder.is_dir() == (moment != "between")
    recover(folder)
    assert (folder / "a").read_text() == left
    replace_folder(folder, lambda new: (new / "a").write_text("newer"))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (folder / "a").read_text() == "newer"


def test_a_folder_that_was_taken_away_does_not_come_back(tmp_path: Path):
    folder = tmp_path / "made"
    replace_folder(folder, lambda new: (new / "a").write_text("old"))
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder), "after"]).returncode == -9
    shutil.rmtree(folder)
    recover(folder)
    assert not folder.exists()


def test_what_is_under_way_beside_is_left_to_the_living(tmp_path: Path):
    with working_folder(tmp_path / "made") as one, working_folder(tmp_path / "made") as other:
        recover(tmp_path / "made")
        assert one != other
        assert one.is_dir() and other.is_dir()
    assert not list(tmp_path.iterdir())


def test_the_umask_decides_who_may_read_a_folder(tmp_path: Path):
    before = os.umask(0o027)
    try:
        replace_folder(tmp_path / "made", lambda new: (new / "a").mkdir())
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750
