"""What the commands that make images share: models, data, and what is refused."""

import json
import re
from pathlib import Path

import pytest

from galleries import ALONE, ROBUST, pixels
from saying import says


def test_images_divided_otherwise_than_in_training_are_noticed(here, offmanifold, tmp_path):
    argv = ("generate", *ALONE, "-n", "1", "--data-seed", "1", "--out", tmp_path / "a")
    code, _, err = offmanifold(*argv)
    assert code == 0
    assert "another division" in err


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


def test_outputs_without_names_are_named_by_a_map(here, offmanifold, tmp_path):
    (tmp_path / "model.py").write_text(
        "import torch\n"
        "def make():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 10))\n"
    )
    model = ("--model", f"{tmp_path}/model.py:make", "--data", "digits", "--manifold", "none")
    argv = ("generate", *model, "--steps", "2", "-n", "1", "--class", "3")
    says(offmanifold(*argv), 2, "--classes by-index")
    code, made, err = offmanifold(
        *(*argv, "--classes", "by-index", "--out", tmp_path / "a", "--json")
    )
    assert code == 0, err
    (tmp_path / "map.json").write_text(json.dumps({str((i + 1) % 10): str(i) for i in range(10)}))
    turned = (*argv, "--classes", tmp_path / "map.json", "--json")
    code, other, err = offmanifold(*turned, "--out", tmp_path / "b")
    assert code == 0, err
    assert made["made"][0]["class"] == other["made"][0]["class"] == "3"
    assert (pixels(tmp_path / "a/3-000.png") != pixels(tmp_path / "b/3-000.png")).any()
    says(offmanifold(*turned, "--out", tmp_path / "a"), 2, "other settings")


def test_a_map_without_classes_to_name_is_refused(here, offmanifold, files):
    argv = ("counterfactual", files / "0.png", *ALONE, "--classes", "by-index")
    says(offmanifold(*argv), 2, "--classes", "--data")


def test_a_class_can_be_asked_for_of_images_in_pieces(here, offmanifold, files, tmp_path):
    argv = ("denoise", files / "big.png", *ALONE, "--sigma", "0.1", "--fit", "tile")
    code, _, err = offmanifold(*argv, "--class", "3", "--out", tmp_path / "o")
    assert code == 0, err
    page = (tmp_path / "o/index.html").read_text()
    assert "2 pieces" in page and 'class="bad"' not in page


@pytest.mark.parametrize(
    "use",
    [
        ("generate",),
        ("denoise", "{files}/0.png", "--sigma", "0.1"),
        ("inpaint", "{files}/0.png", "--mask", "{files}/mask.png"),
        ("superresolve", "{files}/low0.png"),
        ("counterfactual", "{files}/0.png"),
    ],
)
def test_a_class_that_is_not_there_is_said_before_a_manifold_is_fitted(
    here, offmanifold, files, monkeypatch, use
):
    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.manifolds.resolve.fit_manifold", never)
    argv = (*(a.format(files=files) for a in use), "--model", "runs/robust")
    for name in ("10", "seven"):
        says(offmanifold(*argv, "--class", name), 2, name, "known: 0, 1")


def test_a_file_that_is_not_there_is_said_before_a_manifold_is_fitted(
    here, offmanifold, files, monkeypatch
):
    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.manifolds.resolve.fit_manifold", never)
    says(offmanifold("denoise", "no.png", "--model", "runs/robust"), 2, "no.png")


CASES = {
    "class out of range": (["generate", *ALONE, "--class", "10"], ["10", "known: 0, 1"]),
    "no images wanted": (["generate", *ALONE, "-n", "0"], ["-n"]),
    "unknown run": (["generate", "--model", "runs/robst"], ["robst", "robust"]),
    "batches of none": (["generate", *ALONE, "--batch-size", "0"], ["--batch-size"]),
    "mode without a manifold": (["generate", *ALONE[:4], "--mode", "manifold"], ["--manifold"]),
    "negative radius": (["generate", *ALONE, "--eps", "-1"], ["eps"]),
    "no image": (["denoise", *ALONE, "--sigma", "0.1"], ["no image"]),
    "missing image": (["denoise", "no.png", *ALONE], ["no.png"]),
    "no noise": (["denoise", "{files}/mask.png", *ALONE], ["--sigma"]),
    "negative noise": (["denoise", "{files}/0.png", *ALONE, "--sigma", "-1"], ["--sigma"]),
    "mask of another size": (
        ["inpaint", "{files}/0.png", *ALONE, "--mask", "{files}/wide-mask.png"],
        ["16×32", "16×16", "its size", "white pixels are filled, black ones kept"],
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
    "another size than the model's": (
        ["generate", *ALONE, "--image-size", "32", "32"],
        ["(1, 16, 16)", "--image-size"],
    ),
    "other channels than the model's": (
        ["generate", *ALONE, "--channels", "3"],
        ["(1, 16, 16)", "--channels"],
    ),
    "no probability": (["generate", *ALONE, "--until", "1"], ["--until", "between 0 and 1"]),
    "no patience": (["generate", *ALONE, "--patience", "-1"], ["patience"]),
    "a counterfactual by the sampler": (
        ["counterfactual", "{files}/0.png", *ROBUST, "--mode", "denoised"],
        ["the mode denoised", "--mode projected"],
    ),
    "scales that images do not have": (
        ["generate", *ALONE, "--scales", "40", "1"],
        ["40", "16×16"],
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


ALL = ("ascent", "projected", "denoised", "manifold")


@pytest.mark.parametrize(
    ("use", "modes", "more"),
    [
        ("generate", ALL, ("-n", "3", "--batch-size", "2")),
        ("denoise", ALL, ("0.png", "--sigma", "0.2")),
        ("inpaint", ALL, ("0.png", "--mask", "mask.png", "--candidates", "2")),
        ("superresolve", ALL, ("low0.png", "--class", "7")),
        ("counterfactual", ALL[:2], ("0.png",)),
    ],
)
def test_the_bar_counts_what_stands_beside(here, offmanifold, files, tmp_path, use, modes, more):
    """It stood at its end while denoiser and classifier alone were still at work."""
    given = [files / word if word.endswith(".png") else word for word in more]
    totals = []
    for mode in modes:
        few = () if mode == "manifold" else ("--steps", "5")
        argv = (use, *given, *ROBUST, *few, "--mode", mode, "--out", tmp_path / mode)
        code, _, err = offmanifold(*argv)
        assert code == 0, err
        done, total = re.findall(r"(\d+)/(\d+)", err)[0]
        assert done == total
        totals.append(int(total))
    assert totals[1] == 2 * totals[0]
    assert all(total > totals[1] for total in totals[2:])
