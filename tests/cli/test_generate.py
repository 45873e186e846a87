"""`offmanifold generate`, as a user calls it."""

import numpy as np

from galleries import ALONE, ROBUST, pixels


def test_generate_makes_the_classes_asked_for_with_a_page(here, offmanifold, tmp_path):
    out = tmp_path / "made"
    code, made, err = offmanifold(
        *("generate", *ROBUST, "--class", "3", "5", "-n", "4", "--out", out, "--json")
    )
    assert code == 0, err
    assert [row["class"] for row in made["made"]] == ["3", "5", "3", "5"]
    assert made["mode"] == "denoised"
    assert np.mean([row["probability"] for row in made["made"]]) > 0.5
    assert sorted(p.name for p in out.glob("*.png")) == [
        *("3-000.png", "3-002.png", "5-001.png", "5-003.png"),
    ]
    assert pixels(out / "3-000.png").shape == (16, 16)
    page = (out / "index.html").read_text()
    for word in (
        "seed",
        "denoiser alone",
        "classifier alone",
        "nearest training image",
        "class 5",
        "seen as 5<",
    ):
        assert word in page, word
    assert "apart" not in page and "apart" not in err  # of two images a class
    assert "4 of 4 images are seen as the class asked for by robust" in err
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("data:image/png") == 4 + 4 * 6


def test_images_that_are_sure_enough_are_finished_early(here, offmanifold, tmp_path):
    def made(*more: str) -> list[dict]:
        argv = ("generate", *ALONE[:4], "--class", "3", "-n", "2", *more, "--json")
        code, found, err = offmanifold(*argv, "--out", tmp_path / "-".join(more))
        assert code == 0, err
        return found["made"]

    for row in made("--until", "0.6"):
        assert row["steps"] < 60
        assert row["probability"] > 0.59
    assert all(row["steps"] == 60 for row in made("--steps", "60"))
    assert all(row["steps"] < 60 for row in made("--patience", "1", "--scales", "16"))


def test_a_batch_of_one_gives_the_same_images(here, offmanifold, tmp_path):
    for size in ("1", "3"):
        argv = ("generate", *ALONE, "-n", "3", "--batch-size", size, "--out", tmp_path / size)
        assert offmanifold(*argv)[0] == 0
    for name in ("0-000.png", "1-001.png", "2-002.png"):
        one, three = (pixels(tmp_path / s / name).astype(int) for s in ("1", "3"))
        assert abs(one - three).max() <= 1


def test_how_unlike_images_of_a_class_are_is_said_of_five_or_more(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "--class", "3", "5", "-n", "9", "--out", tmp_path / "made")
    code, _, err = offmanifold(*argv)
    assert code == 0, err
    page = (tmp_path / "made/index.html").read_text()
    for words in ("5 images, classes: 1", "noise is far apart too"):
        assert words in page and words in err, words
