"""Runs, sweeps and galleries are of the code that their model is made by."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import offmanifold as om
from offmanifold.models.fingerprint import code_content
from offmanifold.models.load import start_content
from offmanifold.objectives import ERM, PGD
from offmanifold.sweeps.runs import make_job
from sweep_runs import SETTINGS

NET = """
import torch
from torch import nn
import layers

def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10), layers.Last())
"""
LAYERS = """
from torch import nn

class Last(nn.Module):
    def forward(self, x):
        return x * 2
"""
TRAIN = ("train", "--model", "net.py:make", "--data", "digits", "--epochs", "1", "--json")


@pytest.fixture
def net(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    Path("layers.py").write_text(LAYERS)
    return Path("layers.py")


def test_a_run_of_edited_code_is_another_run(net, offmanifold):
    code, first, err = offmanifold(*TRAIN)
    assert code == 0, err
    assert offmanifold(*TRAIN)[1]["folder"] == first["folder"]
    assert offmanifold(*TRAIN, "--out", "named")[0] == 0
    net.write_text(LAYERS.replace("* 2", "* 3"))
    code, second, err = offmanifold(*TRAIN)
    assert code == 0
    assert second["folder"] != first["folder"]
    code, _, err = offmanifold(*TRAIN, "--out", "named")
    assert code == 2
    assert "named holds another run" in " ".join(err.split())


def test_a_run_whose_code_has_changed_since_says_so(net, offmanifold, capsys):
    _, run, err = offmanifold(*TRAIN)
    assert "changed since" not in err
    om.load_model(run["folder"], allow_code=True)
    assert "changed since" not in capsys.readouterr().err
    net.write_text(LAYERS.replace("* 2", "* 3"))
    om.load_model(run["folder"], allow_code=True)
    said = " ".join(capsys.readouterr().err.split())
    assert f"net.py:make is not the code that {run['folder']} was trained with" in said


def test_what_a_sweep_begins_with_is_part_of_its_runs(net, offmanifold):
    digits = om.load_data("digits")

    def content(spec: str) -> str | None:
        return start_content(spec, digits.classes, digits.shape)

    assert content("small-resnet") is None
    _, run, _ = offmanifold(*TRAIN)
    first = [content("net.py:make"), content(run["folder"])]
    assert None not in first
    net.write_text(LAYERS.replace("* 2", "* 3"))
    assert all(a != b for a, b in zip(first, [content("net.py:make")] * 2, strict=True))
    names = {make_job({**SETTINGS, **s}, ERM(), 0, "cpu").name for s in ({}, {"start": first[0]})}
    assert len(names) == 2


@dataclass(frozen=True)
class Halved(ERM):
    """An objective of one's own."""

    def __call__(self, model, x, y, *, generator):
        loss = super().__call__(model, x, y, generator=generator)
        return replace(loss, per_sample=loss.per_sample / 2)


def test_an_objective_of_one_s_own_counts_by_its_code():
    assert code_content(ERM()) is None
    assert code_content(PGD()) is None
    first = code_content(Halved())
    assert first is not None
    assert code_content(Halved()) == first

    class Other(Halved):
        def __call__(self, model, x, y, *, generator):
            return super().__call__(model, x, y, generator=generator)

    assert code_content(Other()) != first
