"""Several models with their own weights in one command."""

import pytest
import torch

import offmanifold as om
from offmanifold.data.config import DataConfig
from offmanifold.models.load import open_models
from offmanifold.models.specs import ModelSpec, model_specs

NET = """
from torch import nn

CLASSES = [str(i) for i in range(10)]


def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
"""


@pytest.mark.parametrize(
    ("text", "spec", "name", "weights"),
    [
        ("runs/a", "runs/a", None, None),
        ("timm:resnet50@best.pth", "timm:resnet50", None, "best.pth"),
        ("mine=net.py:make@a/b.safetensors", "net.py:make", "mine", "a/b.safetensors"),
        ("my net=net.py:make", "net.py:make", "my net", None),
        ("timm:resnet50.a1_in1k@v2", "timm:resnet50.a1_in1k@v2", None, None),
        ("a@b/net.py:make", "a@b/net.py:make", None, None),
    ],
)
def test_a_name_and_weights_stand_beside_a_spec(text, spec, name, weights):
    (found,) = model_specs([text])
    given = None if found.weights is None else found.weights.as_posix()
    assert (found.spec, found.name, given) == (spec, name, weights)


def test_a_path_that_exists_is_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b@c.pth").mkdir()
    assert model_specs(["a=b@c.pth"]) == [ModelSpec("a=b@c.pth")]


def test_two_models_of_a_file_have_each_its_weights_and_label(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    for name, value in (("zero", 0.0), ("one", 1.0)):
        state = {"1.weight": torch.full((10, 256), value), "1.bias": torch.zeros(10)}
        torch.save(state, tmp_path / f"{name}.pth")
    (tmp_path / "m.toml").write_text(
        '[[model]]\nspec = "net.py:make"\nname = "c"\nweights = "one.pth"\n'
    )
    specs = ["a=net.py:make@zero.pth", "net.py:make@one.pth", "m.toml"]
    _, loaded = open_models(specs, DataConfig("digits"))
    assert [one.card.label for one in loaded] == ["a", "net.py:make", "c"]
    assert [float(one.module.state_dict()["1.weight"].mean()) for one in loaded] == [0, 1, 1]
    with pytest.raises(om.InputError, match="one model at a time"):
        open_models(specs, DataConfig("digits"), tmp_path / "one.pth")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no models"),
        ("[[model]]\nname='a'", "no spec"),
        ("x = ", "not valid TOML"),
        ("[[model]]\nspec='a'\ncolour='b'", "as text, not"),
    ],
)
def test_a_file_that_holds_no_models_is_one_sentence(text, words, tmp_path):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(om.InputError, match=words):
        model_specs([str(tmp_path / "m.toml")])
