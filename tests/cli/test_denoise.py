"""`offmanifold denoise`, as a user calls it."""

import numpy as np
from PIL import Image

from galleries import ALONE, ROBUST, pixels, rows
from saying import says


def test_denoising_estimates_the_noise(here, offmanifold, files, tmp_path):
    given = pixels(files / "0.png") / 255
    noise = np.random.default_rng(0).normal(0, 0.2, given.shape)
    noisy = (np.clip(0.25 + 0.5 * given + noise, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    out = tmp_path / "clean"
    code, _, err = offmanifold("denoise", tmp_path / "noisy.png", *ROBUST, "--out", out)
    assert code == 0, err
    assert "σ = 0.1" in err or "σ = 0.2" in err
    assert {"given", "blur", "nl_means", "denoiser", "ascent", "result"} <= set(
        rows(out)[0]["columns"]
    )


def test_an_image_larger_than_the_models_is_tiled_or_resized(here, offmanifold, files, tmp_path):
    argv = ("denoise", files / "big.png", *ALONE, "--sigma", "0.1")
    says(offmanifold(*argv), 2, "16×32", "16×16", "--fit resize", "--fit tile")
    code, _, err = offmanifold(*argv, "--fit", "tile", "--out", tmp_path / "t")
    assert code == 0, err
    assert pixels(tmp_path / "t/big.png").shape == (16, 32)
    assert rows(tmp_path / "t")[0]["numbers"]["pieces"] == 2
    assert offmanifold(*argv, "--fit", "resize", "--out", tmp_path / "r")[0] == 0
    assert pixels(tmp_path / "r/big.png").shape == (16, 16)


def test_each_image_is_told_its_own_noise(here, offmanifold, files, tmp_path):
    given = pixels(files / "0.png") / 255
    names = []
    for sigma in (0.05, 0.2):
        noise = np.random.default_rng(0).normal(0, sigma, given.shape)
        noisy = (np.clip(0.25 + 0.5 * given + noise, 0, 1) * 255).round().astype(np.uint8)
        names.append(tmp_path / f"noisy-{sigma}.png")
        Image.fromarray(noisy).save(names[-1])
    code, _, err = offmanifold("denoise", *names, *ROBUST, "--out", tmp_path / "clean")
    assert code == 0, err
    found = [row["numbers"]["sigma"] for row in rows(tmp_path / "clean")]
    assert found[0] < 0.12 < found[1]
    for name, sigma in zip(names, found, strict=True):
        assert f"{name.name}: noise of about σ = {sigma:.3g}" in err
    argv = ("denoise", *names, files / "mask.png", *ROBUST)
    refused = offmanifold(*argv)
    says(refused, 2, "mask.png", "--sigma")
    assert len(refused[2].strip().splitlines()) == 1


def test_a_noise_beyond_the_denoisers_is_refused_with_the_range(here, offmanifold, files):
    argv = ("denoise", files / "0.png", *ROBUST, "--sigma")
    says(offmanifold(*argv, "5"), 2, "σ = 5", "0.01 to 4.1")
    says(offmanifold(*argv, "0.001"), 2, "0.01 to 4.1")
    alone = ("denoise", files / "0.png", *ALONE, "--sigma", "5")
    says(offmanifold(*alone), 2, "at most 1")


def test_strokes_on_black_are_not_taken_for_noise(here, offmanifold, tmp_path):
    drawing = np.zeros((16, 16), np.uint8)
    drawing[3:13, 6:10] = np.random.default_rng(0).integers(60, 250, (10, 4))
    Image.fromarray(drawing).save(tmp_path / "clean.png")
    says(offmanifold("denoise", tmp_path / "clean.png", *ALONE), 2, "clean.png", "--sigma")
