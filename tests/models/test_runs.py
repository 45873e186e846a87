from pathlib import Path

import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_json, write_tensors
from offmanifold.models.runs import find_run

MODEL = {"spec": "small-resnet", "channels": 1, "height": 16, "width": 8, "classes": ["a", "b"]}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("pgd-1.0-3f2a00000000", "pgd-1.0-4b1c00000000", "erm-77aa00000000"):
        write_json(tmp_path / name / "config.json", {"format": 1, "model": MODEL})
    write_json(tmp_path / "manifold-99bb00000000" / "config.json", {"format": 1})
    return tmp_path


@pytest.mark.parametrize("part", ["erm-77aa00000000", "erm", "77aa00000000", "77aa"])
def test_found_by_folder_name_or_hash(runs: Path, part: str):
    run = find_run(f"{runs}/{part}")
    assert run.folder == runs / "erm-77aa00000000"
    assert run.spec == "small-resnet"
    assert run.shape == (1, 16, 8)
    assert run.classes == ("a", "b")


def test_ambiguous_name_lists_the_runs(runs: Path):
    with pytest.raises(InputError, match=r"several runs: .*3f2a.*, .*4b1c"):
        find_run(f"{runs}/pgd-1.0")


def test_unknown_run_shows_the_known_ones(runs: Path):
    with pytest.raises(InputError, match=r"unknown run .*erm-77aa"):
        find_run(f"{runs}/ermm")


def test_a_folder_without_a_model(runs: Path):
    with pytest.raises(InputError, match="holds no trained model"):
        find_run(f"{runs}/manifold")


def test_weights_take_the_config_s_names(runs: Path):
    run = find_run(f"{runs}/erm")
    with pytest.raises(InputError, match=r"no model.safetensors yet"):
        run.weights()
    write_tensors(run.folder / "model.safetensors", {"x": torch.ones(2)})
    assert run.weights().classes == ("a", "b")


@pytest.mark.parametrize("change", [{"spec": None}, {"classes": None}, {"height": []}])
def test_a_run_of_another_structure_is_one_sentence(change, tmp_path: Path):
    write_json(tmp_path / "r/config.json", {"model": {**MODEL, **change}})
    with pytest.raises(InputError, match="holds no trained model"):
        find_run(str(tmp_path / "r"))
