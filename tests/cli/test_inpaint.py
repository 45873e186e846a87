"""`offmanifold inpaint`, as a user calls it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galleries import ALONE, ROBUST, pixels, rows
from saying import says


def assert_hole_alone_is_changed(files: Path, out: Path) -> None:
    hole = pixels(files / "wide-mask.png") > 127
    filled, given = pixels(out / "big.png"), pixels(files / "big.png")
    assert np.array_equal(filled[~hole], given[~hole])
    assert not np.array_equal(filled[hole], given[hole])


def test_inpainting_keeps_known_pixels_bit_by_bit(here, offmanifold, files, tmp_path):
    out = tmp_path / "filled"
    images = [files / f"{i}.png" for i in range(3)]
    code, _, err = offmanifold(
        *("inpaint", *images, *ROBUST, "--mask", files / "mask.png", "--out", out),
        *("--language", "ja"),
    )
    assert code == 0, err
    hole = pixels(files / "mask.png") > 127
    for i in range(3):
        filled, given = pixels(out / f"{i}.png"), pixels(files / f"{i}.png")
        assert np.array_equal(filled[~hole], given[~hole])
        assert not np.array_equal(filled[hole], given[hole])
    columns = ["given", "mask", "mean_fill", "biharmonic", "denoiser", "ascent", "result"]
    assert rows(out)[0]["columns"] == columns
    page = (out / "index.html").read_text()
    kept = "マスクの外の画素は、与えられたファイルから一切変わっていません"
    assert "欠けた部分" in page and kept in page and kept in err


def test_pixels_that_cannot_be_kept_as_in_the_file_are_not_said_to_be(
    here, offmanifold, files, tmp_path
):
    given = Image.open(files / "0.png").convert("RGB")
    given.save(tmp_path / "colour.png")
    deep = np.asarray(Image.open(files / "1.png")).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    code, _, err = offmanifold(
        *("inpaint", tmp_path / "colour.png", tmp_path / "deep.png", files / "2.png", *ALONE),
        *("--mask", files / "mask.png", "--out", tmp_path / "o"),
    )
    assert code == 0, err
    page = (tmp_path / "o/index.html").read_text()
    for words in ("(brought to the channels that the model takes): colour.png.", "8): deep.png."):
        assert words in err and words in page, words
    assert "bit by bit" not in err + page and "2.png" not in err


def test_a_piece_without_a_hole_stays_as_it_is(here, offmanifold, files, tmp_path):
    code, _, err = offmanifold(
        *("inpaint", files / "big.png", *ALONE, "--mask", files / "wide-mask.png"),
        *("--fit", "tile", "--out", tmp_path / "t"),
    )
    assert code == 0, err
    assert_hole_alone_is_changed(files, tmp_path / "t")


def test_scaled_with_its_mask_an_image_tells_nothing_of_what_was_under_it(
    here, offmanifold, files, tmp_path
):
    mask = np.zeros((64, 64), np.uint8)
    mask[21:42, 21:42] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    given = np.asarray(Image.open(files / "0.png").resize((64, 64)))
    for name, value in (("dark", 0), ("bright", 255)):
        Image.fromarray(np.where(mask > 0, value, given).astype(np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    code, _, err = offmanifold(
        *("inpaint", tmp_path / "dark.png", tmp_path / "bright.png", *ALONE, "--fit", "resize"),
        *("--mask", tmp_path / "mask.png", "--out", tmp_path / "o"),
    )
    assert code == 0, err
    dark, bright = (pixels(tmp_path / f"o/{n}.png").astype(int) for n in ("dark", "bright"))
    assert abs(dark - bright).max() <= 1


def test_a_small_mask_is_not_scaled_away_and_one_at_the_edge_is_not_cropped_in_silence(
    here, offmanifold, files, tmp_path
):
    for name, shape, place in (("dot", (64, 64), (30, 30)), ("edge", (16, 32), (8, 1))):
        mask = np.zeros(shape, np.uint8)
        Image.fromarray(mask + 90).save(tmp_path / f"{name}.png")
        mask[place] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}-mask.png")
    argv = ("inpaint", *ALONE, "--fit", "resize", "--out", tmp_path / "o")
    code, _, err = offmanifold(*argv, tmp_path / "dot.png", "--mask", tmp_path / "dot-mask.png")
    assert code == 0, err
    assert rows(tmp_path / "o")[0]["numbers"]["norm"] > 0
    says(
        offmanifold(*argv, tmp_path / "edge.png", "--mask", tmp_path / "edge-mask.png"),
        *(2, "edge-mask.png", "cropped", "--fit tile"),
    )


def test_a_piece_of_which_nothing_is_known_is_refused_with_advice_that_helps(
    here, offmanifold, files, tmp_path
):
    mask = np.zeros((16, 32), np.uint8)
    mask[:, 4:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    argv = ("inpaint", files / "big.png", *ALONE, "--mask", tmp_path / "mask.png", "--fit")
    says(offmanifold(*argv, "tile"), 2, "whole piece", "--fit resize")
    mask[:, 4:] = 0
    mask[:, 6:26] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    result = offmanifold(*argv, "resize")
    says(result, 2, "whole piece", "crop")
    assert "--fit" not in result[2]


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_batches_of_pieces_without_a_hole_stay_as_they_are(
    here, offmanifold, files, tmp_path, mode
):
    code, _, err = offmanifold(
        *("inpaint", files / "big.png", *ROBUST, "--mask", files / "wide-mask.png"),
        *(() if mode == "manifold" else ("--steps", "2")),
        *("--fit", "tile", "--batch-size", "1", "--mode", mode, "--out", tmp_path / "t"),
    )
    assert code == 0, err
    assert_hole_alone_is_changed(files, tmp_path / "t")


def test_without_a_class_several_are_tried(here, offmanifold, files, tmp_path):
    def found(*more) -> dict:
        argv = ("inpaint", files / "0.png", *ALONE, "--mask", files / "mask.png", "--json")
        code, made, err = offmanifold(*argv, *more, "--out", tmp_path / "-".join(more))
        assert code == 0, err
        return made["made"][0]

    every = [found("--class", str(c)) for c in range(10)]
    best = max(every, key=lambda one: one["probability"])
    assert found("--candidates", "10")["class"] == best["class"]
    few = found("--candidates", "1")
    assert few["probability"] <= best["probability"] + 1e-5
