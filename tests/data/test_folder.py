import os

import numpy as np
import pytest

from offmanifold._core.errors import InputError
from offmanifold.data import load_data
from offmanifold.data.division import check_divided


def test_class_folders(animals):
    data = load_data(animals)
    assert data.shape == (1, 6, 5)
    assert data.classes == ("cat", "dog")
    assert [len(s) for s in (data.train, data.val, data.test)] == [14, 2, 4]
    assert data.info["name"] == "animals"
    for split in (data.train, data.val, data.test):
        assert split.labels is not None
        assert split.labels.tolist() == [path.startswith("dog/") for path in split.paths]


def test_nested_hidden_and_other_files(animals, save):
    before = load_data(animals)
    (animals / "notes.txt").write_text("hello")
    (animals / "cat" / ".hidden.png").write_bytes(b"")
    (animals / "cat" / "notes.txt").write_text("hello")
    save(animals / ".cache" / "a.png")
    assert load_data(animals).fingerprint == before.fingerprint
    save(animals / "cat" / "deep" / "er" / "A.PNG")
    names = load_data(animals).train.source.names
    assert len(names) == 21
    assert "cat/deep/er/A.PNG" in names


def test_flat_folder(tmp_path, save):
    for i in range(20):
        save(tmp_path / f"{i}.jpg", (6, 5, 3))
    (tmp_path / "empty").mkdir()
    data = load_data(tmp_path)
    assert data.classes is None
    assert data.shape == (3, 6, 5)
    assert [len(s) for s in (data.train, data.val, data.test)] == [14, 3, 3]
    assert next(data.test.batches(2)).y is None


def test_given_splits_are_used(tmp_path, save):
    for split, n in (("train", 5), ("val", 2), ("test", 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                save(tmp_path / split / name / f"{i}.png")
    data = load_data(tmp_path)
    assert [len(s) for s in (data.train, data.val, data.test)] == [10, 4, 6]
    assert data.info["source"] == "train/val/test given"
    assert data.classes == ("cat", "dog")
    assert all(path.startswith("val/") for path in data.val.paths)


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_one_held_out_split_is_the_test(tmp_path, save, held_out):
    for split, n in (("train", 20), (held_out, 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                save(tmp_path / split / name / f"{i}.png")
    data = load_data(tmp_path)
    assert [len(s) for s in (data.train, data.val, data.test)] == [34, 6, 6]
    assert all(path.startswith(f"{held_out}/") for path in data.test.paths)
    assert ("no test part: val is used as test" in data.info["notes"]) == (held_out == "val")
    save(tmp_path / held_out / "emu" / "0.png")
    with pytest.raises(InputError, match='"emu" .* missing from train'):
        load_data(tmp_path)


def test_fingerprint_follows_content_and_not_the_order_on_disk(animals, tmp_path, save):
    first = load_data(animals).fingerprint
    copy = tmp_path / "copy"
    for path in sorted(animals.rglob("*.png"), reverse=True):
        target = copy / path.relative_to(animals)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert load_data(copy).fingerprint == first
    os.rename(copy / "cat" / "3.png", copy / "cat" / "33.png")
    renamed = load_data(copy).fingerprint
    os.rename(copy / "cat" / "33.png", copy / "cat" / "3.png")
    save(copy / "cat" / "3.png")
    assert len({first, renamed, load_data(copy).fingerprint}) == 3


def test_a_broken_image_is_skipped_with_its_label(animals):
    (animals / "cat" / "0.png").write_bytes(b"")
    data = load_data(animals, max_bad_share=0.1)
    assert data.info["skipped"] == [{"path": "cat/0.png", "reason": "it is empty"}]
    labels = data.train.source.labels
    assert labels is not None
    assert list(np.bincount(labels)) == [9, 10]
    with pytest.raises(InputError, match=r"1 of 20 .*cat/0\.png"):
        load_data(animals, max_bad_share=0.04)


def test_an_empty_class_is_named(animals):
    (animals / "emu").mkdir()
    (animals / "emu" / "notes.txt").write_text("soon")
    with pytest.raises(InputError, match="class folder .*emu holds no image"):
        load_data(animals)


def test_images_beside_class_folders_are_named(animals, save):
    save(animals / "stray.png")
    with pytest.raises(InputError, match=r"outside its class folders, such as stray\.png"):
        load_data(animals)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="holds no image"):
        load_data(tmp_path)


def test_one_class_is_not_enough(animals):
    for path in (animals / "dog").iterdir():
        path.unlink()
    (animals / "dog").rmdir()
    with pytest.raises(InputError, match=r"one class only \(cat\).*two classes"):
        load_data(animals)


def test_a_class_too_small_to_divide_leaves_all_to_be_judged(animals, save):
    save(animals / "emu" / "0.png")
    save(animals / "emu" / "1.png")
    data = load_data(animals)
    assert [len(s) for s in (data.train, data.val, data.test)] == [0, 0, 22]
    assert data.info["judged_alone"] and not data.info["divided"]
    assert any('22 in all, 2 of "emu"' in said for said in data.info["told"])
    with pytest.raises(InputError, match=r'"emu" .* 2 readable image\(s\).*at least 3'):
        check_divided(data)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_few_pictures_are_enough_to_be_judged(tmp_path, save, n):
    for i in range(n):
        save(tmp_path / "flat" / f"{i}.png")
        for name in ("cat", "dog"):
            save(tmp_path / "classes" / name / f"{i}.png")
    for folder, total in (("flat", n), ("classes", 2 * n)):
        data = load_data(tmp_path / folder)
        assert [len(s) for s in (data.train, data.val, data.test)] == [0, 0, total]
        assert data.info["judged_alone"]
        with pytest.raises(InputError, match="too few"):
            check_divided(data)


def test_a_test_part_alone_is_judged(animals, tmp_path):
    (tmp_path / "photos").mkdir()
    animals.rename(tmp_path / "photos" / "Test")
    data = load_data(tmp_path / "photos")
    assert [len(s) for s in (data.train, data.val, data.test)] == [0, 0, 20]
    assert data.classes == ("cat", "dog")
    assert data.info["judged_alone"]
    (tmp_path / "photos" / "Test").rename(tmp_path / "photos" / "TRAIN")
    data = load_data(tmp_path / "photos")
    assert [len(s) for s in (data.train, data.val, data.test)] == [14, 2, 4]
    assert data.classes == ("cat", "dog") and data.info["divided"]


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "valid", "test"),
        ("Train", "Val", "Test"),
        ("training", "validation", "testing"),
        ("TRAINING", "dev", "TEST"),
        ("training_set", "Evaluation", "test_set"),
    ],
)
def test_splits_by_their_usual_names_in_any_case(tmp_path, save, train, val, test):
    for split, n in ((train, 5), (val, 2), (test, 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                save(tmp_path / split / name / f"{i}.png")
    (tmp_path / "extra").mkdir()
    save(tmp_path / "stray.png")
    (tmp_path / "__MACOSX").mkdir()
    data = load_data(tmp_path)
    assert [len(s) for s in (data.train, data.val, data.test)] == [10, 4, 6]
    assert data.classes == ("cat", "dog")
    assert data.info["told"] == [
        f"taken for training: {train}, validation: {val}, test: {test}",
        f"not used in {tmp_path}: extra/, stray.png",
    ]


def test_two_folders_that_mean_one_split_are_named(tmp_path, save):
    for split in ("train", "val", "Valid"):
        save(tmp_path / split / "cat" / "0.png")
        save(tmp_path / split / "dog" / "0.png")
    with pytest.raises(InputError, match=r"Valid and val in .* all mean validation images"):
        load_data(tmp_path)


def test_classes_that_are_called_like_a_split_stay_classes(tmp_path, save):
    for name in ("train", "car", "bus"):
        for i in range(8):
            save(tmp_path / name / f"{i}.png")
    data = load_data(tmp_path)
    assert data.classes == ("bus", "car", "train")
    assert data.info["told"] == []


def test_splits_without_labels(tmp_path, save):
    for split, n in (("train", 20), ("test", 3)):
        for i in range(n):
            save(tmp_path / split / f"{i}.png")
    data = load_data(tmp_path)
    assert data.classes is None
    assert [len(s) for s in (data.train, data.val, data.test)] == [17, 3, 3]
    for i in range(20):
        for name in ("cat", "dog"):
            save(tmp_path / "kaggle" / "train" / name / f"{i}.png")
        save(tmp_path / "kaggle" / "test" / f"{i}.png")
    data = load_data(tmp_path / "kaggle")
    assert data.classes == ("cat", "dog")
    assert [len(s) for s in (data.train, data.val, data.test)] == [28, 6, 6]
    assert "test has no class folders, and is left out" in data.info["told"]


def test_a_class_that_is_not_in_every_split_is_told(tmp_path, save):
    for split, names in (("train", "abc"), ("val", "ab"), ("test", "abc")):
        for name in names:
            for i in range(4):
                save(tmp_path / split / name / f"{i}.png")
    assert 'not in val: class "c"' in load_data(tmp_path).info["told"]


def test_mvtec_is_refused_with_a_way_out(real):
    with pytest.raises(InputError, match=r"MVTec .*give .*magnetic_tile/test"):
        load_data(real / "magnetic_tile")


def test_magnetic_tiles(real):
    with pytest.raises(InputError, match=r"sizes .*`image_size` 224"):
        load_data(real / "magnetic_tile" / "test")
    data = load_data(real / "magnetic_tile" / "test", size=48)
    assert data.shape == (1, 48, 48)
    assert data.classes == ("blowhole", "break", "crack", "fray", "good", "uneven")
    assert len(data.train) + len(data.val) + len(data.test) == 700
    assert data.train.labels is not None
    assert np.bincount(data.train.labels)[4] == pytest.approx(0.7 * 308, abs=1)
    assert 0.1 < next(data.test.batches(64)).x.mean() < 0.9


TWO = ("cat", "dog")


@pytest.mark.parametrize(
    ("folders", "classes", "told"),
    [
        (
            [f"{s}2017/{c}" for s in ("train", "val") for c in TWO],
            TWO,
            "taken for training: train2017, validation: val2017",
        ),
        (
            [f"seg_{s}/seg_{s}/{c}" for s in ("train", "test") for c in TWO],
            TWO,
            "taken for training: seg_train, test: seg_test",
        ),
        (
            [f"{s}/{c}" for s in ("train", "holdout") for c in TWO],
            ("holdout", "train"),
            "taken for classes, and not for splits: train",
        ),
        (
            ["test-tube", "train-tube"],
            ("test-tube", "train-tube"),
            "taken for classes, and not for splits: test-tube, train-tube",
        ),
        (
            [f"{c}/{s}" for s in ("train", "test") for c in TWO],
            TWO,
            "not used as splits, being within classes: cat/test, cat/train, dog/test, dog/train",
        ),
        (["train", "plane", "car"], ("car", "plane", "train"), None),
    ],
)
def test_what_is_like_a_split_is_one_or_is_named(tmp_path, save, folders, classes, told):
    for folder in folders:
        for i in range(10):
            save(tmp_path / folder / f"{i}.png")
    data = load_data(tmp_path)
    assert data.classes == classes
    assert data.info["told"] == ([told] if told else [])


def test_a_folder_around_the_class_folders_is_named(tmp_path, save):
    for name in ("images/train/cat", "images/train/dog", "images/test/cat", "images/test/dog"):
        save(tmp_path / name / "0.png")
    with pytest.raises(InputError, match="holds one folder alone; give .*images to load"):
        load_data(tmp_path)
