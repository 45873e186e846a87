"""What is finished is kept, whatever ends a command that makes images."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from galleries import ALONE, pixels, rows
from offmanifold._core.files import write_json
from saying import says


def test_an_error_keeps_what_is_finished(here, offmanifold, tmp_path, monkeypatch):
    from offmanifold.synthesis.galleries import generation as command

    real = command.generate

    def broken(model, y, *args, index, **more):
        if 2 in index:
            raise RuntimeError("no memory")
        return real(model, y, *args, index=index, **more)

    monkeypatch.setattr(command, "generate", broken)
    argv = ("generate", *ALONE, "-n", "3", "--batch-size", "1", "--out", tmp_path / "cut")
    code, _, err = offmanifold(*argv)
    assert code == 1
    assert "2 of 3" in err
    assert [row["name"] for row in rows(tmp_path / "cut")] == ["0-000", "1-001"]


def test_ctrl_c_while_writing_waits_for_the_end(here, offmanifold, tmp_path, monkeypatch):
    from offmanifold.synthesis import gallery

    real = gallery.write_gallery

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        real(*args)

    monkeypatch.setattr(gallery, "write_gallery", interrupted)
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "made")
    assert offmanifold(*argv)[0] == 130
    assert len(rows(tmp_path / "made")) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_a_place_that_cannot_be_written_is_said_before_anything_is_made(
    here, offmanifold, tmp_path, monkeypatch
):
    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.synthesis.galleries.generation.generate", never)
    (tmp_path / "file").write_text("")
    argv = ("generate", *ALONE, "-n", "1", "--out")
    says(offmanifold(*argv, tmp_path / "file/made"), 2, "file", "--out")
    says(offmanifold(*argv, tmp_path / "file"), 2, "something else", "--out")


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    here, offmanifold, tmp_path, monkeypatch
):
    from offmanifold.synthesis.galleries import generation as command

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    argv = ["generate", *ALONE, "-n", "5", "--batch-size", "2", "--out"]
    assert offmanifold(*argv, whole)[0] == 0
    calls, real = [], command.generate

    def interrupted(*args, **more):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(command, "generate", interrupted)
    code, _, err = offmanifold(*argv, cut)
    assert code == 130
    assert "4 of 5" in err
    assert len(rows(cut)) == 4
    assert "4 of 5" in (cut / "index.html").read_text()
    calls[:] = [1] * 3
    code, _, err = offmanifold(*argv, cut)
    assert code == 0, err
    assert len(calls) == 4  # one batch more, not three
    for path in whole.glob("*.png"):
        assert abs(pixels(path).astype(int) - pixels(cut / path.name)).max() <= 1
    assert "there already" in offmanifold(*argv, cut)[2]
    assert len(calls) == 4


def test_what_is_finished_is_drawn_again(here, offmanifold, files, tmp_path, monkeypatch):
    def never(*args, **more):
        raise AssertionError

    out = tmp_path / "made"
    argv = ("counterfactual", files / "0.png", *ALONE, "--out", out)
    code, _, first = offmanifold(*argv)
    assert code == 0, first
    (out / "mine.txt").write_text("dear")
    for name in ("index.html", "0.png", "change/0.png"):
        (out / name).unlink()
    monkeypatch.setattr("offmanifold.synthesis.galleries.counterfactuals.counterfactual", never)
    code, _, err = offmanifold(*argv)
    assert code == 0, err
    assert err.splitlines()[1:] == [line for line in first.splitlines() if "━" not in line]
    assert (out / "0.png").exists() and (out / "change/0.png").exists()
    assert 'lang="en"' in (out / "index.html").read_text()
    code, _, err = offmanifold(*argv, "--language", "ja")
    assert code == 0, err
    assert 'lang="ja"' in (out / "index.html").read_text()
    assert (out / "mine.txt").read_text() == "dear"
    (out / "0.png").unlink()
    (out / "0.png").mkdir()
    says(offmanifold(*argv), 2, "cannot write", str(out))


def test_interrupted_before_anything_is_finished_nothing_is_left(
    here, offmanifold, tmp_path, monkeypatch
):
    def at_once(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("offmanifold.synthesis.galleries.generation.generate", at_once)
    assert offmanifold("generate", *ALONE, "-n", "2", "--out", tmp_path / "no")[0] == 130
    assert not list(tmp_path.iterdir())


def test_other_settings_never_overwrite(here, offmanifold, tmp_path):
    out = tmp_path / "made"
    assert offmanifold("generate", *ALONE, "-n", "1", "--out", out)[0] == 0
    says(offmanifold("generate", *ALONE, "-n", "2", "--out", out), 2, "other settings", "--out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "mine")
    says(offmanifold(*argv), 2, "something else", "--out")
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]


def test_images_are_saved_though_nothing_can_be_said_of_all(
    here, offmanifold, tmp_path, monkeypatch
):
    def too_large(*args):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 3200000000 bytes")

    monkeypatch.setattr("offmanifold.synthesis.galleries.generation.within_class", too_large)
    argv = ("generate", *ALONE, "--class", "3", "-n", "5", "--out", tmp_path / "made")
    code, _, err = offmanifold(*argv)
    assert code == 0, err
    assert "can't allocate memory" in err and "5 made" in err
    assert len(rows(tmp_path / "made")) == 5 and (tmp_path / "made/index.html").is_file()


def test_a_bug_in_what_is_said_of_all_is_said_and_the_batches_are_kept(
    here, offmanifold, tmp_path, monkeypatch
):
    def wrong(*args):
        raise RuntimeError("shapes cannot be multiplied")

    argv = ("generate", *ALONE, "--class", "3", "-n", "5", "--out", tmp_path / "made")
    with monkeypatch.context() as patch:
        patch.setattr("offmanifold.synthesis.galleries.generation.within_class", wrong)
        code, _, err = offmanifold(*argv)
    assert code == 1 and "bug: RuntimeError: shapes" in err
    assert "5 of 5 are there already" in offmanifold(*argv)[2]
    assert len(rows(tmp_path / "made")) == 5


class Stop(BaseException):
    pass


def same(one: Path, other: Path) -> None:
    """Assert that two folders hold the same images and numbers, bit by bit, and no batches."""
    tensors, others = (p / "images.safetensors" for p in (one, other))
    assert tensors.read_bytes() == others.read_bytes()
    assert rows(one) == rows(other)
    assert sorted(os.listdir(one)) == sorted(os.listdir(other))
    assert not (other / "batches").exists()


def test_each_batch_is_on_disk_before_the_next_is_begun(here, offmanifold, tmp_path, monkeypatch):
    from offmanifold.synthesis.galleries import generation as command

    seen, real = [], command.generate

    def watched(*args, **more):
        seen.append(len(list((tmp_path / "made/batches").glob("*.safetensors"))))
        return real(*args, **more)

    monkeypatch.setattr(command, "generate", watched)
    argv = ("generate", *ALONE, "-n", "3", "--batch-size", "1", "--out", tmp_path / "made")
    assert offmanifold(*argv)[0] == 0
    assert seen == [0, 1, 2]


def test_a_disk_that_is_full_at_the_end_loses_nothing(here, offmanifold, tmp_path, monkeypatch):
    import errno

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    argv = ("generate", *ALONE, "-n", "3", "--batch-size", "2", "--out")
    assert offmanifold(*argv, whole)[0] == 0

    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("offmanifold.synthesis.presentation.write_png", full)
        code, _, err = offmanifold(*argv, cut)
    assert code == 1 and "no space left" in err and "same command" in err
    assert os.listdir(cut) == ["batches"]

    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.synthesis.galleries.generation.generate", never)
    code, _, err = offmanifold(*argv, cut)
    assert code == 0, err
    same(whole, cut)


def test_batches_of_other_settings_are_not_taken(here, offmanifold, tmp_path, monkeypatch):
    from offmanifold.synthesis import gallery

    def stop(*args):
        raise Stop

    argv = ("generate", *ALONE, "--batch-size", "1", "--out", tmp_path / "made")
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(gallery, "_write", stop)
        offmanifold(*argv, "-n", "1")
    says(offmanifold(*argv, "-n", "2"), 2, "other settings", "--out")


def test_images_of_another_precision_are_others(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "-n", "1", "--steps", "3", "--out", tmp_path / "made")
    assert offmanifold(*argv, "--precision", "bf16")[0] == 0
    saved = json.loads((tmp_path / "made/synthesis.json").read_text())
    assert saved["config"]["precision"] == "bf16"
    says(offmanifold(*argv), 2, "other settings", "--out")


@pytest.mark.slow
def test_what_is_finished_outlives_a_kill(here, offmanifold, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    argv = ["generate", *ALONE, "-n", "5", "--batch-size", "2", "--out"]
    killed = """
import os, signal, sys
from offmanifold.cli.main import main
from offmanifold.synthesis import gallery

real = gallery.keep

def keep(*args):
    real(*args)
    os.kill(os.getpid(), signal.SIGKILL)

gallery.keep = keep
main(sys.argv[1:])
"""
    dead = subprocess.run([sys.executable, "-c", killed, *argv, str(cut)], capture_output=True)
    assert dead.returncode == -signal.SIGKILL, dead.stderr.decode()
    assert os.listdir(cut) == ["batches"]
    code, _, err = offmanifold(*argv, cut)
    assert code == 0, err
    assert "2 of 5 are there already" in err
    assert offmanifold(*argv, whole)[0] == 0
    same(whole, cut)


def test_the_same_command_twice_at_once_is_refused_and_changes_nothing(
    here, offmanifold, tmp_path, monkeypatch
):
    """The second would replace a finished gallery by a part of one."""
    from offmanifold.synthesis.galleries import generation as command

    real, said = command.generate, []
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "made")

    def again(*args, **more):
        if not said:
            said.append(None)
            said[0] = offmanifold(*argv)
        return real(*args, **more)

    monkeypatch.setattr(command, "generate", again)
    assert offmanifold(*argv)[0] == 0
    says(said[0], 2, f"({os.getpid()}) writes in", "made")
    assert os.listdir(tmp_path) == ["made"]
    assert len(rows(tmp_path / "made")) == 1


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_is_a_link_stays_one(here, offmanifold, tmp_path, there):
    (tmp_path / "far").mkdir()
    if there:
        (tmp_path / "far/made").mkdir()
        assert offmanifold("generate", *ALONE, "-n", "1", "--out", tmp_path / "far/none")[0] == 0
        os.rmdir(tmp_path / "far/made")
        os.rename(tmp_path / "far/none", tmp_path / "far/made")
    (tmp_path / "link").symlink_to("far/made")
    code, _, err = offmanifold("generate", *ALONE, "-n", "1", "--out", tmp_path / "link")
    assert code == 0, err
    assert os.readlink(tmp_path / "link") == "far/made"
    assert sorted(os.listdir(tmp_path / "far")) == ["made"]
    assert len(rows(tmp_path / "link")) == 1


def test_a_received_folder_writes_nothing_outside_itself(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "deep/made")
    assert offmanifold(*argv)[0] == 0
    path = tmp_path / "deep/made/synthesis.json"
    whole = path.read_text()
    for old, new in (('"0-000"', '"../../x"'), ('"0-000"', '"/x"'), ('"seed",', '"../seed",')):
        write_json(path, json.loads(whole.replace(old, new)), sealed=True)
        code, _, err = offmanifold(*argv)
        assert code == 2 and "no plain name" in err
    path.write_text(whole)
    for name in ("0-000.png", "seed"):
        kept = tmp_path / "deep/made" / name
        os.rename(kept, tmp_path / name)
        kept.symlink_to(tmp_path / "elsewhere")
        code, _, err = offmanifold(*argv)
        assert code == 2 and "is a link" in err
        kept.unlink()
    assert sorted(os.listdir(tmp_path)) == ["0-000.png", "deep", "seed"]
    (tmp_path / "deep/made/index.html").unlink()
    (tmp_path / "deep/made/index.html").symlink_to(tmp_path / "letter")
    assert offmanifold(*argv)[0] == 0  # a page is renamed into its place
    assert not (tmp_path / "letter").exists()


def test_a_damaged_picture_is_named(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "made")
    assert offmanifold(*argv)[0] == 0
    path = tmp_path / "made/images.safetensors"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    says(offmanifold(*argv), 2, "images.safetensors", "damaged")
