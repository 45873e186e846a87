import shutil

from offmanifold.data import load_data


def test_one_picture_in_two_classes_and_on_both_sides_is_named(tmp_path, save):
    for split, n in (("train", 4), ("test", 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                save(tmp_path / split / name / f"{i}.png")
    assert len(load_data(tmp_path).info["told"]) == 1
    shutil.copy(tmp_path / "train/cat/0.png", tmp_path / "train/dog/same.png")
    shutil.copy(tmp_path / "train/cat/1.png", tmp_path / "test/cat/other.png")
    shutil.copy(tmp_path / "train/cat/2.png", tmp_path / "train/cat/again.png")
    told = load_data(tmp_path).info["told"]
    assert (
        "1 picture is in more than one class, such as "
        "train/cat/0.png (cat) and train/dog/same.png (dog)"
    ) in told
    assert any(
        "on both sides of a split" in said and "test/cat/other.png (test)" in said for said in told
    )
