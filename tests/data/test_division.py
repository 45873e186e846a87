"""Pictures that are judged alone serve whatever needs no manifold, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import offmanifold as om
from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.division import check_divided, divide
from offmanifold.data.types import Split
from offmanifold.manifolds import exact_manifold

NET = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(30, 8), nn.SiLU(), nn.Linear(8, 2))
"""


@pytest.fixture
def few(tmp_path: Path, save, monkeypatch) -> Path:
    """A working directory with `net.py`, `alone` (a picture a class) and `flat` (one picture)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    for name in ("cat", "dog"):
        save(tmp_path / "alone" / name / "0.png")
    save(tmp_path / "flat" / "0.png")
    return tmp_path


def test_they_are_audited(few, offmanifold):
    given = ["audit", "net.py:make", "--json"]
    code, (found,), err = offmanifold(
        *given, "--data", "alone", "--classes", "by-index", "--explain"
    )
    assert code == 0, err
    assert found["data"]["n"] == 2
    assert found["data"]["split"] == "test"
    assert found["settings"]["temperature"] == 1
    assert found["measures"]["accuracy.clean"]["value"] in (0, 0.5, 1)
    assert "all are judged" in err
    assert "all are judged" in found["data"]["told"][0]
    code, (found,), err = offmanifold(*given, "--data", "flat")
    assert code == 0, err
    assert found["data"]["n"] == 1
    assert found["regime"]["name"] == "uncertain"  # one image shows no collapse


def test_they_name_the_classes_of_images_made_from_files(few, offmanifold):
    code, _, err = offmanifold(
        *("denoise", "flat/0.png", "--model", "net.py:make", "--data", "alone", "--sigma", "0.1"),
        *("--classes", "by-index", "--steps", "2"),
    )
    assert code == 0, err
    assert "aimed at" in err


@pytest.mark.parametrize(
    "command",
    [
        ["train"],
        ["fit-manifold"],
        ["sweep", "--values", "1"],
        ["generate", "--model", "net.py:make", "--classes", "by-index"],
    ],
)
def test_what_needs_others_beside_them_refuses_at_once(few, offmanifold, command):
    code, _, err = offmanifold(*command, "--data", "alone")
    assert code == 2
    assert "1 readable image(s), too few for train, val and test" in err
    assert not (few / "runs").exists()


def test_there_are_none_to_choose_by(few, offmanifold):
    code, _, err = offmanifold(
        "audit", "net.py:make", "--data", "alone", "--classes", "by-index", "--split", "val"
    )
    assert code == 2
    assert "no validation images" in err


def test_parts_that_are_given_without_any_to_train_on(tmp_path, save):
    for split, n in (("valid", 2), ("test", 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                save(tmp_path / split / name / f"{i}.png")
    data = load_data(tmp_path)
    assert [len(s) for s in (data.train, data.val, data.test)] == [0, 4, 6]
    with pytest.raises(InputError, match="its train part is empty"):
        check_divided(data)


def test_a_training_part_too_small_for_validation_images(tmp_path, save):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for i in range(2):
                save(tmp_path / split / name / f"{i}.png")
    data = load_data(tmp_path)
    assert [len(s) for s in (data.train, data.val, data.test)] == [4, 0, 4]
    assert any("too few images to take validation images" in said for said in data.info["told"])
    with pytest.raises(InputError, match="its val part is empty"):
        check_divided(data)
    assert data.train.class_means.isfinite().all()


@pytest.mark.slow
def test_a_manifold_from_elsewhere_judges_them_too():
    whole = om.load_data("sphere:10:2000")
    manifold = exact_manifold(whole)
    none = Split(whole.train.source, whole.train.rows[:0], whole.classes)
    few = Split(whole.test.source, whole.test.rows[:4], whole.classes)
    alone = replace(whole, train=none, val=none, test=few)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    found = om.audit(net, alone, manifold, show=False).json["measures"]
    assert found["alignment.fraction_global_pca"]["chance"] == pytest.approx(
        3 / 784
    )  # four images span three
    assert 0 <= found["alignment.on_manifold_fraction"]["value"] <= 1


def test_classes_that_a_part_or_all_lack_are_named(tmp_path, save):
    for name, n in (("cat", 30), ("dog", 30), ("rare", 3)):
        for i in range(n):
            save(tmp_path / name / f"{i}.png")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "broken.png").write_bytes(b"x")
    told = load_data(tmp_path).info["told"]
    assert told == ['no image is of class "gone"', 'not in test: class "rare"']


LABELS = np.repeat(np.arange(3), [60, 20, 20])


def test_divide_is_disjoint_complete_and_stratified():
    parts = divide(LABELS, np.arange(100), (0.7, 0.15, 0.15), seed=3)
    assert sorted(np.concatenate(parts)) == list(range(100))
    assert [list(np.bincount(LABELS[p])) for p in parts] == [[42, 14, 14], [9, 3, 3], [9, 3, 3]]


def test_divide_depends_on_the_seed_alone():
    first, again, other = (divide(LABELS, np.arange(100), (0.5, 0.5), seed=s)[0] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_divide_without_labels():
    parts = divide(None, np.arange(20), (0.7, 0.15, 0.15), seed=0)
    assert [len(p) for p in parts] == [14, 3, 3]
