"""What each step of training sees: strengths, images, noise."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from offmanifold._core.randomness import seed_of
from offmanifold.data.types import Data, Split
from offmanifold.objectives import ERM, PGD, objectives
from offmanifold.objectives.base import Plain
from offmanifold.training.step import at_strength, layers_seed
from small_training import RECIPE, fit, images


@pytest.fixture
def data() -> Data:
    return images()


@pytest.fixture
def recorder():
    """An objective from outside the package that keeps the strength of every step."""
    seen: list[float] = []

    @objectives.register("recorder")
    @dataclass(frozen=True)
    class Recorder(Plain):
        strength: ClassVar[str | None] = "dose"
        dose: float = 4.0
        prepared: bool = False

        def prepare(self, resources):
            assert len(resources.train_data) == 32
            return dataclasses.replace(self, prepared=True)

        def __call__(self, model, x, y, *, generator):
            assert self.prepared
            seen.append(self.dose)
            return ERM()(model, x, y, generator=generator)

    yield Recorder(), seen
    objectives.remove("recorder")


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [
        (0.0, [4.0] * 8),
        (0.5, [1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
        (1.0, [0.5 * step for step in range(1, 9)]),
    ],
)
def test_the_strength_rises_in_a_line_and_is_never_zero(
    data: Data, tmp_path: Path, recorder, warmup: float, expected: list[float]
):
    objective, seen = recorder
    fit("small-resnet", data, tmp_path, objective, dataclasses.replace(RECIPE, warmup=warmup))
    assert seen == pytest.approx(expected)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["objective"] == {"name": "recorder", "dose": 4.0, "prepared": False}


def test_every_epoch_sees_every_image_once_in_another_order(data: Data, monkeypatch):
    seen: list[torch.Tensor] = []
    original = Split.read

    def read(self, index):
        batch = original(self, index)
        if set(index) <= set(data.train.rows):
            seen.append(batch.index)
        return batch

    monkeypatch.setattr(Split, "read", read)
    fit("small-resnet", data, None)
    epochs = torch.cat(seen)[-64:].view(2, 32)  # a few were read before, to try the model on
    assert all(sorted(e.tolist()) == data.train.rows.tolist() for e in epochs)
    assert not epochs[0].equal(epochs[1])
    assert not epochs[0].equal(epochs[0].sort().values)


def test_a_share_of_a_strength():
    assert at_strength(ERM(), 0.25) == ERM()
    assert at_strength(PGD(eps=2.0, steps=3), 0.25) == PGD(eps=0.5, steps=3)
    assert at_strength(PGD(eps=2.0), 1.0) == PGD(eps=2.0)


def test_the_model_sees_moved_images_and_their_own_labels(data: Data, monkeypatch):
    seen, labels = [], []
    original = ERM.__call__

    def call(self, model, x, y, *, generator):
        seen.append(x)
        labels.append(y)
        return original(self, model, x, y, generator=generator)

    monkeypatch.setattr(ERM, "__call__", call)
    recipe = dataclasses.replace(RECIPE, epochs=1)
    moved = dataclasses.replace(recipe, shift=2, flip=True)
    fit("small-resnet", data, None, recipe=recipe)
    fit("small-resnet", data, None, recipe=moved)
    plain, other = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert torch.cat(labels[:4]).equal(torch.cat(labels[4:]))
    assert not torch.isclose(plain, other).flatten(1).all(1).all()
    for x, y in zip(plain, other, strict=True):
        padded = torch.nn.functional.pad(x[None], (2, 2, 2, 2), mode="reflect")[0]
        windows = padded.unfold(1, 8, 1).unfold(2, 8, 1).reshape(25, 8, 8)
        assert (torch.cat([windows, windows.flip(2)]) == y).flatten(1).all(1).any()


def test_dropout_of_processes_differs_and_of_one_is_as_before():
    seeds = [layers_seed(3, 7, rank) for rank in range(3)]
    assert seeds[0] == seed_of("layers", 3, 7)
    assert len({*seeds}) == 3
