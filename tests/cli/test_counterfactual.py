"""`offmanifold counterfactual`, as a user calls it."""

import numpy as np
import pytest
import torch

from galleries import ALONE, ROBUST, pixels
from offmanifold import load_model
from saying import says


def test_a_counterfactual_changes_the_decision(here, offmanifold, files, tmp_path):
    out = tmp_path / "changed"
    code, made, err = offmanifold(
        *("counterfactual", files / "0.png", *ROBUST, "--class", "7", "--steps", "30"),
        *("--out", out, "--json"),
    )
    assert code == 0, err
    assert made["mode"] == "projected"
    (row,) = made["made"]
    assert row["found"] and row["class"] == "7" and row["was"] != "7"
    assert (out / "change/0.png").exists()
    assert "was" in (out / "index.html").read_text()


def test_of_another_size_tiles_are_not_advised(here, offmanifold, files):
    result = offmanifold("counterfactual", files / "big.png", *ALONE)
    says(result, 2, "16×32", "16×16", "--fit resize")
    assert "tile" not in result[2]


def test_an_image_that_is_of_the_class_already_is_no_success(here, offmanifold, files, tmp_path):
    argv = (*ALONE[:4], "--steps", "30")
    images = [files / f"{i}.png" for i in range(3)]
    code, first, err = offmanifold(
        *("counterfactual", *images, *argv, "--out", tmp_path / "a", "--json")
    )
    assert code == 0, err
    was = [row["was"] for row in first["made"]]
    assert len(set(was)) > 1
    says(
        offmanifold("counterfactual", images[0], *argv, "--class", was[0]),
        *(2, "0.png", was[0], "already", "--class"),
    )
    out = tmp_path / "b"
    code, made, err = offmanifold(
        *("counterfactual", *images, *argv, "--class", was[0], "--out", out, "--json")
    )
    assert code == 0, err
    for row, before in zip(made["made"], was, strict=True):
        assert row["already"] == (before == was[0])
        assert not (row["already"] and row["found"])
    assert np.array_equal(pixels(out / "0.png"), pixels(images[0]))
    assert f"0: the classifier says {was[0]} already" in err
    assert "already that class" in (out / "index.html").read_text()


def test_success_is_that_of_the_file_as_written(here, offmanifold, files, tmp_path):
    images = [files / f"{i}.png" for i in range(3)]
    out = tmp_path / "c"
    code, made, err = offmanifold(
        *("counterfactual", *images, *ALONE[:4], "--out", out, "--json"),
    )
    assert code == 0, err
    model = load_model("runs/robust").module
    for i, row in enumerate(made["made"]):
        seen = model(torch.from_numpy(pixels(out / f"{i}.png") / 255).float()[None, None]).detach()
        assert row["found"] and str(int(seen.argmax())) == row["class"]
        assert row["probability"] == pytest.approx(float(seen.softmax(1).max()), abs=1e-5)
