import os
import socket

import pytest

from offmanifold.data import load_data
from offmanifold.data.walk import JUNK


@pytest.mark.parametrize(
    "junk",
    ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", ".ipynb_checkpoints", ".@__thumb"],
)
def test_junk_folders_are_no_classes_and_hold_no_images(animals, save, junk):
    before = load_data(animals).fingerprint
    (animals / junk).mkdir()
    save(animals / "cat" / junk / "0.png" / "SYNOPHOTO_THUMB_M.jpg")
    assert load_data(animals).fingerprint == before
    save(animals / junk / "x.png")
    assert load_data(animals).fingerprint == before
    assert load_data(animals).info["told"] == []


@pytest.mark.parametrize("junk", ["Thumbs.db", "desktop.ini", ".DS_Store", "._x.png"])
def test_junk_files_are_not_named(animals, junk):
    before = load_data(animals).fingerprint
    for folder in (animals, animals / "cat"):
        (folder / junk).write_bytes(b"x")
    data = load_data(animals)
    assert data.fingerprint == before
    assert data.info["told"] == []


def test_pipes_and_sockets_are_left_out_and_named(animals, monkeypatch):
    before = load_data(animals).fingerprint
    os.mkfifo(animals / "cat" / "pipe.png")
    monkeypatch.chdir(animals / "dog")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket.jpg")
    data = load_data(animals)
    assert data.fingerprint == before
    assert data.info["told"] == [
        "left out as neither folders nor regular files: cat/pipe.png, dog/socket.jpg"
    ]


def test_linked_folders_are_read_and_loops_end(animals, tmp_path, save):
    save(tmp_path / "elsewhere" / "deep" / "far.png")
    (animals / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
    (animals / "cat" / "loop").symlink_to(animals)
    (animals / "cat" / "self").symlink_to(".")
    (tmp_path / "elsewhere" / "back").symlink_to("..")
    (animals / "emu").symlink_to(animals / "dog")
    data = load_data(animals, max_bad_share=0)
    names = data.train.source.names
    assert "cat/linked/deep/far.png" in names
    assert len(names) == 31
    assert data.classes == ("cat", "dog", "emu")
    said = " ".join(data.info["told"])
    assert "links that lead back: " in said
    assert "cat/loop" in said and "cat/self" in said
    assert "10 pictures are in more than one class, such as dog/0.png (dog) and emu/0.png" in said


def test_a_broken_link_is_a_bad_image(animals):
    (animals / "cat" / "gone.png").symlink_to("nowhere.png")
    (skipped,) = load_data(animals).info["skipped"]
    assert skipped["path"] == "cat/gone.png"
    assert "No such file" in skipped["reason"]


def test_pictures_of_formats_that_are_not_read_are_counted(animals):
    for name in ("1.HEIC", "2.heic", "3.svg", "labels.csv"):
        (animals / "cat" / name).write_text("x")
    (told,) = load_data(animals).info["told"]
    assert told == "left out as pictures of formats that are not read: 2 × .heic, 1 × .svg"


def test_names_that_are_not_utf_8_are_readable(animals):
    os.rename(animals / "cat" / "0.png", os.fsencode(animals / "cat") + b"/\x93\xfa.png")
    os.rename(animals / "dog", os.fsencode(animals) + b"/\x8c\xa2")
    data = load_data(animals)
    assert data.classes == ("\\x8c\\xa2", "cat")
    assert "cat/\\x93\\xfa.png" in data.train.source.names
    assert len(data.fingerprint) == 16
    assert len(data.train.source) == 20


def test_junk_is_written_in_lower_case():
    assert {name.lower() for name in JUNK} == JUNK


def test_links_that_lead_nowhere_are_named(animals):
    (animals / "cat" / "self.png").symlink_to("self.png")
    (animals / "cat" / "gone").symlink_to("nowhere")
    data = load_data(animals, max_bad_share=0.1)
    assert [bad["path"] for bad in data.info["skipped"]] == ["cat/self.png"]
    assert data.info["told"] == ["left out as neither folders nor regular files: cat/gone"]
