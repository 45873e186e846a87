"""The commands that make images, as a user calls them."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from offmanifold import load_data
from offmanifold.reporting.pictures import save_grid

ROBUST = ("--model", "runs/robust", "--manifold", "runs/manifold")
ALONE = ("--model", "runs/robust", "--manifold", "none", "--steps", "5")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with 0.png, 1.png, 2.png of digits, low0.png, mask.png and big.png."""
    folder = tmp_path_factory.mktemp("files")
    data = load_data("digits")
    x = data.test.read(data.test.rows[:3]).x
    for i in range(3):
        save_grid(x[i : i + 1], folder / f"{i}.png", 1, scale=1)
    save_grid(torch.nn.functional.avg_pool2d(x[:1], 4), folder / "low0.png", 1, scale=1)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 5:10, 5:10] = 1
    save_grid(mask, folder / "mask.png", 1, scale=1)
    save_grid(torch.cat([x[:1], x[1:2]], 3)[..., :20, :], folder / "big.png", 1, scale=1)
    wide = torch.zeros(1, 1, 16, 32)
    wide[..., 5:10, 20:25] = 1
    save_grid(wide, folder / "wide-mask.png", 1, scale=1)
    return folder


def says(result, code: int, *words: str) -> None:
    """Assert the exit code and one sentence on stderr that holds these words."""
    got, _, err = result
    last = err.strip().splitlines()[-1]
    assert got == code, err
    assert last.startswith("error: "), err
    for word in words:
        assert word in last, last


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "synthesis.json").read_text())["rows"]


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
    for word in ("seed", "denoiser alone", "classifier alone", "nearest training image", "class 5"):
        assert word in page, word
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("data:image/png") == 4 + 4 * 6


def test_a_batch_of_one_gives_the_same_images(here, offmanifold, tmp_path):
    for size in ("1", "3"):
        argv = ("generate", *ALONE, "-n", "3", "--batch-size", size, "--out", tmp_path / size)
        assert offmanifold(*argv)[0] == 0
    for name in ("0-000.png", "1-001.png", "2-002.png"):
        one, three = (pixels(tmp_path / s / name).astype(int) for s in ("1", "3"))
        assert abs(one - three).max() <= 1


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
    assert "欠けた部分" in (out / "index.html").read_text()


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


def test_superresolution_keeps_block_means(here, offmanifold, files, tmp_path):
    code, _, err = offmanifold("superresolve", files / "low0.png", *ROBUST, "--out", tmp_path / "s")
    assert code == 0, err
    large, low = pixels(tmp_path / "s/low0.png"), pixels(files / "low0.png")
    means = large.reshape(4, 4, 4, 4).mean((1, 3))
    assert abs(means - low).max() <= 0.5


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


def test_an_image_larger_than_the_models_is_tiled_or_resized(here, offmanifold, files, tmp_path):
    argv = ("denoise", files / "big.png", *ALONE, "--sigma", "0.1")
    says(offmanifold(*argv), 2, "16×32", "16×16", "--fit resize", "--fit tile")
    code, _, err = offmanifold(*argv, "--fit", "tile", "--out", tmp_path / "t")
    assert code == 0, err
    assert pixels(tmp_path / "t/big.png").shape == (16, 32)
    assert rows(tmp_path / "t")[0]["numbers"]["pieces"] == 2
    assert offmanifold(*argv, "--fit", "resize", "--out", tmp_path / "r")[0] == 0
    assert pixels(tmp_path / "r/big.png").shape == (16, 16)


def test_a_piece_without_a_hole_stays_as_it_is(here, offmanifold, files, tmp_path):
    code, _, err = offmanifold(
        *("inpaint", files / "big.png", *ALONE, "--mask", files / "wide-mask.png"),
        *("--fit", "tile", "--out", tmp_path / "t"),
    )
    assert code == 0, err
    hole = pixels(files / "wide-mask.png") > 127
    filled, given = pixels(tmp_path / "t/big.png"), pixels(files / "big.png")
    assert np.array_equal(filled[~hole], given[~hole])
    assert not np.array_equal(filled[hole], given[hole])


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


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_batches_of_pieces_without_a_hole_stay_as_they_are(
    here, offmanifold, files, tmp_path, mode
):
    code, _, err = offmanifold(
        *("inpaint", files / "big.png", *ROBUST, "--mask", files / "wide-mask.png", "--steps", "2"),
        *("--fit", "tile", "--batch-size", "1", "--mode", mode, "--out", tmp_path / "t"),
    )
    assert code == 0, err
    hole = pixels(files / "wide-mask.png") > 127
    filled, given = pixels(tmp_path / "t/big.png"), pixels(files / "big.png")
    assert np.array_equal(filled[~hole], given[~hole])
    assert not np.array_equal(filled[hole], given[hole])


def test_an_error_keeps_what_is_finished(here, offmanifold, tmp_path, monkeypatch):
    from offmanifold.commands import generate as command

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
    import signal

    from offmanifold.commands import gallery

    real = gallery.write_json

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        real(*args)

    monkeypatch.setattr(gallery, "write_json", interrupted)
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "made")
    assert offmanifold(*argv)[0] == 130
    assert len(rows(tmp_path / "made")) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_a_place_that_cannot_be_written_is_said_before_anything_is_made(
    here, offmanifold, tmp_path, monkeypatch
):
    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.commands.generate.generate", never)
    (tmp_path / "file").write_text("")
    argv = ("generate", *ALONE, "-n", "1", "--out")
    says(offmanifold(*argv, tmp_path / "file/made"), 2, "file", "--out")
    says(offmanifold(*argv, tmp_path / "file"), 2, "something else", "--out")


def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(
    here, offmanifold, tmp_path, monkeypatch
):
    from offmanifold.commands import generate as command

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
    before = (cut / "index.html").stat().st_mtime_ns
    assert "there already" in offmanifold(*argv, cut)[2]
    assert (cut / "index.html").stat().st_mtime_ns == before


def test_interrupted_before_anything_is_finished_nothing_is_left(
    here, offmanifold, tmp_path, monkeypatch
):
    def at_once(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("offmanifold.commands.generate.generate", at_once)
    assert offmanifold("generate", *ALONE, "-n", "2", "--out", tmp_path / "no")[0] == 130
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_robust_gets_a_warning(here, offmanifold, tmp_path):
    unaudited = shutil.ignore_patterns("audits")
    shutil.copytree("runs/standard", tmp_path / "plain", ignore=unaudited)
    argv = ("generate", "--model", tmp_path / "plain", "--manifold", "none", "--steps", "2")
    code, _, err = offmanifold(*argv, "-n", "1", "--out", tmp_path / "a")
    assert code == 0, err
    assert "warning: plain was trained without any robustness" in err
    assert "look like noise" in (tmp_path / "a/index.html").read_text()
    err = offmanifold("generate", *ALONE, "-n", "1", "--out", tmp_path / "b")[2]
    assert "warning" not in err
    assert "division" not in err


def test_images_divided_otherwise_than_in_training_are_noticed(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "-n", "1", "--data-seed", "1", "--out", tmp_path / "a")
    code, _, err = offmanifold(*argv)
    assert code == 0
    assert "another division" in err


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


def test_the_warning_names_the_regime_of_an_audit_beside_the_run(here, offmanifold, monkeypatch):
    from types import SimpleNamespace

    from offmanifold import load_model
    from offmanifold.commands.synthesising import warnings_of

    for regime in ("weak", "excessive", "collapsed", "bayes-aligned", "uncertain"):
        audit = SimpleNamespace(regime=SimpleNamespace(name=regime))
        monkeypatch.setattr("offmanifold.commands.synthesising.find_audit", lambda p, a=audit: a)
        said = [key for key, _ in warnings_of(load_model("runs/standard"))]
        expected = [] if regime in ("bayes-aligned", "uncertain") else [f"synthesis.warn.{regime}"]
        assert said == expected


def test_other_settings_never_overwrite(here, offmanifold, tmp_path):
    out = tmp_path / "made"
    assert offmanifold("generate", *ALONE, "-n", "1", "--out", out)[0] == 0
    says(offmanifold("generate", *ALONE, "-n", "2", "--out", out), 2, "other settings", "--out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "mine")
    says(offmanifold(*argv), 2, "something else", "--out")
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]


def test_a_model_of_ones_own_file_with_the_size_said(here, offmanifold, files, tmp_path):
    (tmp_path / "model.py").write_text(
        "import torch\nCLASSES = ['dark', 'bright']\n"
        "def make():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))\n"
    )
    given = ("counterfactual", files / "0.png", "--model", f"{tmp_path}/model.py:make")
    says(offmanifold(*given, "--manifold", "none"), 2, "--image-size")
    code, made, err = offmanifold(
        *(*given, "--manifold", "none", "--image-size", "16", "16", "--channels", "1"),
        *("--out", tmp_path / "c", "--json"),
    )
    assert code == 0, err
    assert {made["made"][0]["class"], made["made"][0]["was"]} == {"dark", "bright"}


CASES = {
    "class out of range": (["generate", *ALONE, "--class", "10"], ["10", "known: 0, 1"]),
    "no images wanted": (["generate", *ALONE, "-n", "0"], ["-n"]),
    "unknown run": (["generate", "--model", "runs/robst"], ["robst", "robust"]),
    "batches of none": (["generate", *ALONE, "--batch-size", "0"], ["--batch-size"]),
    "mode without a manifold": (["generate", *ALONE, "--mode", "manifold"], ["--manifold"]),
    "negative radius": (["generate", *ALONE, "--eps", "-1"], ["eps"]),
    "no image": (["denoise", *ALONE, "--sigma", "0.1"], ["no image"]),
    "missing image": (["denoise", "no.png", *ALONE], ["no.png"]),
    "no noise": (["denoise", "{files}/mask.png", *ALONE], ["--sigma"]),
    "negative noise": (["denoise", "{files}/0.png", *ALONE, "--sigma", "-1"], ["--sigma"]),
    "mask of another size": (
        ["inpaint", "{files}/0.png", *ALONE, "--mask", "{files}/wide-mask.png"],
        ["16×32", "16×16", "its size"],
    ),
    "missing mask": (["inpaint", "{files}/0.png", *ALONE, "--mask", "no.png"], ["no.png"]),
    "no multiple": (["superresolve", "{files}/big.png", *ALONE], ["16×32", "--factor"]),
    "factor that does not divide": (
        ["superresolve", "{files}/low0.png", *ALONE, "--factor", "3"],
        ["--factor", "16×16"],
    ),
    "no candidates": (
        ["inpaint", "{files}/0.png", *ALONE, "--mask", "{files}/mask.png", "--candidates", "0"],
        ["candidates"],
    ),
    "a factor of none": (
        ["superresolve", "{files}/low0.png", *ALONE, "--factor", "0"],
        ["--factor must be 2 or more"],
    ),
    "a tiled decision": (["counterfactual", "{files}/big.png", *ALONE, "--fit", "tile"], ["fit"]),
    "a counterfactual with a radius": (
        ["counterfactual", "{files}/0.png", *ALONE, "--eps", "1"],
        ["--eps"],
    ),
    "a model made for data": (
        ["denoise", "{files}/0.png", "--model", "small-resnet", "--sigma", "0.1"],
        ["small-resnet"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_clear_sentence(here, offmanifold, files, case):
    argv, words = CASES[case]
    before = {p for p in Path().rglob("*") if p.is_file()}
    says(offmanifold(*(a.format(files=files) for a in argv)), 2, *words)
    assert {p for p in Path().rglob("*") if p.is_file()} == before
