"""One's own model and one's own images: names decide what an output means, never an order."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

pytest.importorskip("timm")
import timm
from timm.data import ImageNetInfo

COLOURS = {"red": (220, 30, 30), "green": (30, 220, 30), "blue": (30, 30, 220)}


def write_folders(folder: Path, names: dict[str, tuple[int, int, int]], n: int = 12) -> Path:
    generator = np.random.default_rng(0)
    for name, colour in names.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.clip(np.array(colour) + generator.normal(0, 20, (32, 32, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


MODEL = '''
import torch

class Colour(torch.nn.Module):
    """Knows colours in an order of its own."""
    classes = ["blue", "red", "green"]

    def forward(self, x):
        r, g, b = x.mean((2, 3)).unbind(1)
        return 20 * torch.stack([b, r, g], 1)

def colour():
    return Colour()

def unnamed():
    model = Colour()
    model.classes = None
    return model

def one_number():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32 * 3, 1))

def wrong():
    return torch.nn.Flatten(0)
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_folders(tmp_path / "parts", COLOURS)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


AUDIT = ("--manifold", "none", "--json")


def test_class_folders_in_another_order_than_the_outputs(shop, offmanifold):
    code, (audit,), err = offmanifold("audit", "model.py:colour", "--data", "parts", *AUDIT)
    assert code == 0, err
    assert audit["data"]["classes"] == ["blue", "green", "red"]
    assert audit["measures"]["accuracy.clean"]["value"] == 1.0


def test_training_on_from_outputs_in_another_order_is_refused(shop, offmanifold):
    code, _, err = offmanifold("train", "--model", "model.py:colour", "--data", "parts")
    assert code == 2
    assert "blue, red, green" in err


def test_a_model_that_cuts_its_gradient_is_named(shop, offmanifold):
    with Path("model.py").open("a") as file:
        file.write("\n\nclass Cut(Colour):\n    def forward(self, x):\n")
        file.write("        return super().forward(x.detach())\n\n\ndef cut():\n    return Cut()\n")
    code, _, err = offmanifold("audit", "model.py:cut", "--data", "parts", *AUDIT)
    assert code == 2
    assert "differentiably" in err


def test_outputs_nobody_can_name_are_refused_until_mapped(shop, offmanifold):
    code, _, err = offmanifold("audit", "model.py:unnamed", "--data", "parts", *AUDIT)
    assert code == 2
    assert "--classes" in err
    Path("map.json").write_text(json.dumps(["blue", "red", "green"]))
    code, (audit,), err = offmanifold(
        "audit", "model.py:unnamed", "--data", "parts", "--classes", "map.json", *AUDIT
    )
    assert code == 0, err
    assert audit["measures"]["accuracy.clean"]["value"] == 1.0


def test_a_flat_folder_has_no_accuracy_but_gradients(shop, offmanifold):
    flat = shop / "flat"
    flat.mkdir()
    for i, path in enumerate(sorted((shop / "parts").rglob("*.png"))):
        path.rename(flat / f"{i}.png")
    code, (audit,), err = offmanifold("audit", "model.py:colour", "--data", "flat", *AUDIT)
    assert code == 0, err
    assert audit["skipped"]["accuracy.clean"]["code"] == "lacks.labels"
    assert audit["measures"]["output.spread"]["value"] > 0.1
    assert audit["regime"]["name"] == "uncertain"


@pytest.mark.parametrize("function", ["wrong", "missing"])
def test_a_model_that_is_none(shop, offmanifold, function):
    code, _, err = offmanifold("audit", f"model.py:{function}", "--data", "parts", *AUDIT)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_imagenet_head_on_class_folders_by_name_and_by_synset(
    tmp_path, monkeypatch, offmanifold
):
    monkeypatch.chdir(tmp_path)
    info = ImageNetInfo()
    synsets = info.label_names()
    chosen = [synsets[1], synsets[0]]
    write_folders(tmp_path / "wild", dict(zip(chosen, COLOURS.values(), strict=False)))
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False)
    save_file(model.state_dict(), "weights.safetensors")
    code, (audit,), err = offmanifold(
        *("audit", "timm:test_resnet", "--weights", "weights.safetensors"),
        *("--data", "wild", "--image-size", "64", "64", *AUDIT),
    )
    assert code == 0, err
    assert audit["data"]["classes"] == sorted(chosen)
    assert audit["data"]["shape"] == [3, 64, 64]


def test_a_local_checkpoint_of_another_class_count(shop, offmanifold):
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False, num_classes=3)
    names = {"classes": json.dumps(["red", "green", "blue"])}
    save_file(model.state_dict(), "parts.safetensors", metadata=names)
    code, (audit,), err = offmanifold(
        *("audit", "timm:test_resnet", "--weights", "parts.safetensors"),
        *("--data", "parts", "--image-size", "64", "64", *AUDIT),
    )
    assert code == 0, err
    assert audit["model"]["classes"] == ["red", "green", "blue"]


def test_torchvision_on_class_folders_and_on_a_flat_folder(shop, offmanifold):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.squeezenet1_1(num_classes=3)
    torch.save({"state_dict": model.state_dict(), "classes": ["red", "green", "blue"]}, "best.pth")
    spec = ("audit", "torchvision:squeezenet1_1", "--weights", "best.pth")
    size = ("--image-size", "64", "64")
    code, (audit,), err = offmanifold(*spec, "--data", "parts", *size, *AUDIT)
    assert code == 0, err
    assert audit["data"]["classes"] == ["blue", "green", "red"]
    code, (audit,), err = offmanifold(*spec, "--data", "parts/red", *size, *AUDIT)
    assert code == 0, err
    assert audit["data"]["classes"] is None


TRAINABLE = """
import torch

class Softmax(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32 * 3, 3))

    def forward(self, x):
        return self.body(x).softmax(1)

def make():
    return Softmax()
"""


def test_a_run_whose_model_is_code_asks_for_consent(shop, offmanifold):
    (shop / "net.py").write_text(TRAINABLE)
    small = ("--data", "parts", "--epochs", "2", "--batch-size", "12")
    code, _, err = offmanifold("train", "--model", "net.py:make", *small, "--out", "runs/mine")
    assert code == 0, err
    assert err.count("returns probabilities") == 1
    line = ("audit", "runs/mine", "--data", "parts", *AUDIT, "--only", "accuracy.clean")
    code, _, err = offmanifold(*line)
    assert code == 2
    assert "net.py:make" in err and "--allow-code" in err
    for other in (
        ("train", "--model", "runs/mine", *small, "--out", "runs/more"),
        ("generate", "--model", "runs/mine", "--manifold", "none", "--data", "parts"),
        ("sweep", "--model", "runs/mine", "--values", "1", *small, "--manifold", "none", "pgd"),
    ):
        code, _, err = offmanifold(*other)
        assert code == 2
        assert "--allow-code" in err
    code, (audit,), err = offmanifold(*line, "--allow-code")
    assert code == 0, err
    assert audit["data"]["classes"] == ["blue", "green", "red"]
    assert audit["measures"]["accuracy.clean"]["value"] > 0.9


def test_a_sweep_of_one_s_own_file_needs_no_more_consent(shop, offmanifold):
    (shop / "net.py").write_text(TRAINABLE)
    line = ["--data", "parts", "--epochs", "1", "--batch-size", "12", "--manifold", "none"]
    line += ["--precision", "fp32", "--jobs", "1", "--out", "s", "--json"]
    code, summary, err = offmanifold(
        "sweep", "--model", "net.py:make", "--values", "0.1", *line, "--without-standard", "noise"
    )
    assert code == 0, err
    assert summary["runs"]["finished"] == 1
    code, _, err = offmanifold("compare", "s", "--out", "c.json")
    assert code == 0, err


def test_weights_that_run_code_ask_for_trust_in_every_command(shop, offmanifold):
    torch.save({"state_dict": {"a": torch.ones(2)}, "more": Path("x")}, "best.pth")
    data = ("--data", "parts")
    lines = [
        ("audit", "model.py:colour", "--weights", "best.pth", *data, *AUDIT),
        ("train", "--model", "model.py:colour", "--weights", "best.pth", *data),
        ("sweep", "--model", "model.py:colour", "--weights", "best.pth", "--values", "1", *data,
         "--manifold", "none", "pgd"),
        ("generate", "--model", "model.py:colour", "--weights", "best.pth", *data,
         "--manifold", "none"),
    ]  # fmt: skip
    for line in lines:
        code, _, err = offmanifold(*line)
        assert code == 2
        assert "--allow-pickle" in err
    for line in lines[:2]:
        code, _, err = offmanifold(*line, "--allow-pickle")
        assert code == 2
        assert "does not fit" in err  # it was read
