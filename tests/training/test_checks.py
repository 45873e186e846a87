"""What cannot be trained is refused before the first step, in one sentence."""

import copy
import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold.data.types import Data, Split
from offmanifold.models import Loaded, ModelCard
from offmanifold.objectives import ERM, GradientNorm
from offmanifold.objectives.base import Plain
from offmanifold.training.recipe import Recipe
from small_training import CLASSES, RECIPE, fit, images, write_noisy_net


@pytest.fixture
def data() -> Data:
    return images()


@pytest.fixture
def noisy_net(tmp_path: Path) -> str:
    return write_noisy_net(tmp_path)


def test_a_loaded_model_that_cannot_be_trained_on_these_data(data: Data, tmp_path: Path):
    mine = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(InputError, match="unknown model"):  # before any step, not after the last
        fit(Loaded(mine, ModelCard("mine", outputs=2)), data, tmp_path)
    with pytest.raises(InputError, match="does not make this model"):
        fit(Loaded(mine, ModelCard("small-resnet", outputs=2)), data, tmp_path)
    for card in (ModelCard("mine", outputs=3), ModelCard("mine", outputs=2, classes=CLASSES[::-1])):
        with pytest.raises(InputError, match=r"data's classes are \('left', 'right'\)"):
            fit(Loaded(mine, card), data, None)
    assert not list(tmp_path.iterdir())


def test_data_without_labels(tmp_path: Path):
    with pytest.raises(InputError, match="training needs labelled images"):
        fit("small-resnet", images(classes=None), tmp_path)


def test_an_objective_without_its_manifold(data: Data, tmp_path: Path):
    @dataclass(frozen=True)
    class Needy(Plain):
        name: ClassVar[str] = "needy"
        needs: ClassVar[frozenset] = frozenset({"manifold"})

    with pytest.raises(InputError, match="needy needs a manifold"):
        fit("small-resnet", data, tmp_path, Needy())


def test_a_shift_as_large_as_the_images(data: Data):
    with pytest.raises(InputError, match="shift must be .* below the images' 8×8 pixels"):
        fit("small-resnet", data, None, recipe=Recipe(shift=8))


class Vectors(nn.Module):
    """A batch normalisation over vectors, which one image alone cannot have."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)
        )

    def forward(self, x):
        return self.layers(x)


def test_a_batch_of_one_image(data: Data, noisy_net: str):
    one = Recipe(epochs=1, batch_size=1, lr=1e-3)
    for model in ("small-resnet", noisy_net):
        assert len(fit(model, data, None, recipe=one).metrics["log"]) == 32
    model = Loaded(Vectors(), ModelCard("mine", outputs=2))
    with pytest.raises(InputError, match="batch normalisation needs more than one image a batch"):
        fit(model, data, None, recipe=one)
    fit(model, data, None, recipe=dataclasses.replace(one, batch_size=2))
    with pytest.raises(InputError, match="more than one image a batch and process"):
        fit(model, data, None, recipe=dataclasses.replace(one, batch_size=3), devices=2)


def test_another_error_of_the_model_is_not_taken_for_that(data: Data, monkeypatch):
    def broken(self, *args, **kwargs):
        raise ValueError("of another kind")

    monkeypatch.setattr(ERM, "__call__", broken)
    with pytest.raises(ValueError, match="of another kind"):
        fit("small-resnet", data, None)


def relabelled(data: Data, labels: np.ndarray, classes: tuple[str, ...]) -> Data:
    source = copy.copy(data.train.source)
    source.labels = labels
    return Data(*(Split(source, s.rows, classes) for s in (data.train, data.val, data.test)))


def test_labels_and_classes_that_cannot_be(data: Data, tmp_path: Path):
    labels = data.train.source.labels
    assert labels is not None
    with pytest.raises(InputError, match=r"one class alone \(left\) leaves nothing"):
        fit("small-resnet", relabelled(data, 0 * labels, ("left",)), tmp_path)
    for wrong, said in ((labels + 1, "from 1 to 2"), (labels - 1, "from -1 to 0")):
        with pytest.raises(InputError, match=f"the training labels go {said}, but .* 2 classes"):
            fit("small-resnet", relabelled(data, wrong, CLASSES), tmp_path)
    late = np.where(np.arange(64) >= 32, 2, labels)
    with pytest.raises(InputError, match="the validation labels go from 2 to 2"):
        fit("small-resnet", relabelled(data, late, CLASSES), tmp_path)
    nothing = dataclasses.replace(data, train=Split(data.train.source, np.arange(0), CLASSES))
    with pytest.raises(InputError, match="train part is empty"):
        fit("small-resnet", nothing, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("counts", [{"devices": 9}, {"devices": 3, "num_nodes": 3}])
def test_more_processes_than_images_in_a_batch(data: Data, counts: dict):
    with pytest.raises(InputError, match="9 processes are more than the 8 images of a batch"):
        fit("small-resnet", data, None, **counts)


@pytest.mark.parametrize("counts", [{"devices": 0}, {"num_nodes": 0}, {"devices": -1}])
def test_fewer_than_one_process(data: Data, counts: dict):
    with pytest.raises(InputError, match="must be at least 1, not"):
        fit("small-resnet", data, None, **counts)


def test_compiling_an_objective_that_cannot_be(data: Data, tmp_path: Path):
    with pytest.raises(InputError, match="gradient_norm is not made for torch.compile"):
        fit("small-resnet", data, tmp_path, GradientNorm(), Recipe(compile=True))
    assert not list(tmp_path.iterdir())


def broken_backend(graph, inputs):
    raise OSError("no compiler")


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The .grad attribute"
)
@pytest.mark.parametrize(
    ("objective", "backend", "why"),
    [
        (ERM(), broken_backend, "no compiler"),
        (GradientNorm(), "aot_eager", "double backward|donated buffer"),
    ],
)
def test_a_compilation_that_fails_is_named(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective, backend, why: str
):
    monkeypatch.setattr(GradientNorm, "compiles", True)  # as one from elsewhere may claim
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    said = f"torch.compile failed for {objective.name} with this model .*({why}).* leave out"
    with pytest.raises(InputError, match=said):
        fit("small-resnet", data, tmp_path, objective, dataclasses.replace(RECIPE, compile=True))
    assert not (tmp_path / "resume.pt").exists()


def test_an_error_of_a_compiled_model_is_not_taken_for_that(data: Data, monkeypatch):
    def broken(self, *args, **kwargs):
        raise RuntimeError("of another kind")

    monkeypatch.setattr(ERM, "__call__", broken)
    with pytest.raises(RuntimeError, match="of another kind"):
        fit("small-resnet", data, None, recipe=dataclasses.replace(RECIPE, compile=True))
