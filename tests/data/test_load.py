import os

import numpy as np
import pytest

from offmanifold._core.errors import InputError
from offmanifold.data import load as loading
from offmanifold.data import load_data
from offmanifold.data.arrays import ArraySource
from offmanifold.data.load import sized_within
from offmanifold.data.request import Found


def test_splits_are_disjoint_complete_stratified_and_drawn_by_seed():
    data, again, other = (load_data("digits", seed=seed) for seed in (0, 0, 1))
    rows = np.concatenate([data.train.rows, data.val.rows, data.test.rows])
    assert sorted(rows) == list(range(1797))
    assert data.fingerprint == again.fingerprint != other.fingerprint
    assert data.train.labels is not None and data.test.labels is not None
    shares = np.bincount(data.test.labels) / (np.bincount(data.train.labels))
    assert shares == pytest.approx(np.full(10, 15 / 70), abs=0.02)


def test_info():
    assert load_data("distractor:digits", seed=4).info == {
        "spec": "distractor:digits",
        "name": "distractor-digits",
        "seed": 4,
        "source": "divided 70/15/15",
        "divided": True,
        "judged_alone": False,
        "eps": 1.0,
        "skipped": [],
        "whites": {},
        "notes": [
            "8×8 images upscaled bilinearly to 16×16",
            "a fixed letter in the half without signal",
        ],
        "told": [],
    }


def test_the_default_radius_is_decided_by_spec_and_never_by_a_name(animals, monkeypatch):
    monkeypatch.chdir(animals.parent)
    animals.rename("digits")
    assert load_data("./digits").info["name"] == "digits"
    assert load_data("./digits").info["eps"] is None
    for spec, eps in (
        ("digits", 1.0),
        ("distractor:digits", 1.0),
        ("random-labels:digits", 1.0),
        ("random-labels:distractor:digits", 1.0),
        ("distractor:distractor:digits", None),
        ("distractor:./digits", None),
        (animals.parent / "digits", None),
        ("glyphs:30", None),
    ):
        assert load_data(spec).info["eps"] == eps, spec


def test_specs_whose_size_is_that_of_images_within():
    for spec in ("distractor:digits", "random-labels:distractor:x.npz"):
        assert sized_within(spec)
    for spec in ("digits", "./distractor", "random-labels:digits", "distractor"):
        assert sized_within(spec) == (spec == "distractor")


def test_a_relative_path_is_looked_up_here_and_then_in_the_data_folder(
    animals, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    here = load_data("animals")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("OFFMANIFOLD_DATA", raising=False)
    with pytest.raises(InputError, match=r'no file or folder "animals" .*not set'):
        load_data("animals")
    monkeypatch.setenv("OFFMANIFOLD_DATA", str(tmp_path))
    assert load_data("animals").fingerprint == here.fingerprint


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("digit", 'unknown data "digit"; did you mean "digits".*distractor:DATA'),
        ("distractor:digit", 'did you mean "digits"'),
        ("photos/of/cats", 'no file or folder "photos/of/cats" in .*OFFMANIFOLD_DATA'),
        ("mnits.npz", 'no file or folder "mnits.npz"'),
        ("~nobody-at-all/x", "no file or folder"),
        ("", "unknown data"),
        ("bad\0name", "unknown data"),
    ],
)
def test_an_unknown_spec(spec, message):
    with pytest.raises(InputError, match=message):
        load_data(spec)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"notes\.txt is; data can be a folder .*\.npz"):
        load_data(tmp_path / "notes.txt")


@pytest.mark.parametrize("size", [0, -3, (0, 4)])
def test_a_size_without_pixels(size):
    with pytest.raises(InputError, match="at least 1 pixel"):
        load_data("digits", size=size)


def test_two_channels_are_refused():
    with pytest.raises(InputError, match="not 2"):
        load_data("digits", channels=2)


def test_height_and_width(animals):
    assert load_data(animals, size=(4, 8)).shape == (1, 4, 8)
    assert load_data("digits", size=(4, 8)).shape == (1, 4, 8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_and_folder(tmp_path, animals):
    file = tmp_path / "a.npz"
    file.write_bytes(b"")
    for path in (file, animals / "cat"):
        path.chmod(0)
    for path in (file, animals):
        with pytest.raises(InputError, match="cannot read"):
            load_data(path)


def test_a_new_kind_of_data_is_one_function_and_one_line(monkeypatch):
    def open_stripes(rest, request):
        pixels = np.zeros((60, 1, 4, 4), np.uint8)
        return Found("stripes", ArraySource(pixels, np.arange(60) % 2, [rest] * 60), ("a", "b"))

    monkeypatch.setitem(loading.NAMES, "stripes", open_stripes)
    data = load_data("distractor:stripes:wide", size=8)
    assert data.shape == (1, 16, 8)
    assert data.train.paths[0] == "wide"
    assert data.info["name"] == "distractor-stripes"
