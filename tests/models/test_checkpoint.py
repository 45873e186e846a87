import argparse
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold.errors import InputError
from offmanifold.files import write_tensors
from offmanifold.models.checkpoint import load_weights, read_checkpoint, unprefixed


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))


def assert_same(a: dict, b: dict):
    assert a.keys() == b.keys()
    assert all(a[k].equal(b[k]) for k in a)


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", "net", "ema"])
def test_wrapping_keys_are_removed(tmp_path: Path, wrapper: str):
    state = linear().state_dict()
    torch.save({"epoch": 3, "optimizer": {"lr": 0.1}, wrapper: state}, tmp_path / "best.pth")
    assert_same(read_checkpoint(tmp_path / "best.pth").tensors, dict(state))


def test_plain_weights_come_before_averaged_ones(tmp_path: Path):
    state, ema = linear().state_dict(), linear().state_dict()
    torch.save({"ema": ema, "state_dict": state}, tmp_path / "best.pth")
    assert_same(read_checkpoint(tmp_path / "best.pth").tensors, dict(state))


def test_timm_s_own_checkpoints_need_no_pickle(tmp_path: Path):
    args = argparse.Namespace(model="resnet18", lr=0.1)
    torch.save({"state_dict": linear().state_dict(), "args": args}, tmp_path / "best.pth")
    assert len(read_checkpoint(tmp_path / "best.pth").tensors) == 2


@pytest.mark.parametrize(
    "entry",
    [
        {"classes": ["b", "a", "c"]},
        {"class_names": ("b", "a", "c")},
        {"class_to_idx": {"a": 1, "b": 0, "c": 2}},
        {"class_to_idx": {"1": "a", "0": "b", "2": "c"}},
    ],
)
def test_class_names_in_the_file(tmp_path: Path, entry: dict):
    torch.save({"state_dict": linear().state_dict(), **entry}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").classes == ("b", "a", "c")


def test_class_names_in_safetensors(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    state = linear().state_dict()
    write_tensors(path, dict(state), {"classes": json.dumps(["b", "a", "c"])})
    checkpoint = read_checkpoint(path)
    assert checkpoint.classes == ("b", "a", "c")
    assert_same(checkpoint.tensors, dict(state))


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module.net."]
)
def test_prefixes_are_removed_in_any_nesting(prefix: str):
    state = linear().state_dict()
    stored = {prefix + k: v for k, v in state.items()}
    assert_same(unprefixed(stored, linear()), dict(state))


def test_counters_outside_the_prefix_are_left_out():
    stored = {f"module.{k}": v for k, v in linear().state_dict().items()}
    stored["n_averaged"] = torch.tensor(7)
    assert unprefixed(stored, linear()).keys() == linear().state_dict().keys()


def test_a_module_whose_own_names_begin_like_a_prefix():
    module = nn.ModuleDict({"model": nn.Linear(2, 2)})
    assert unprefixed(module.state_dict(), module).keys() == module.state_dict().keys()


def test_pickled_module_is_refused_unless_trusted(tmp_path: Path):
    model = linear()
    torch.save(model, tmp_path / "model.pt")
    with pytest.raises(InputError, match="--allow-pickle"):
        read_checkpoint(tmp_path / "model.pt")
    trusted = read_checkpoint(tmp_path / "model.pt", allow_pickle=True)
    assert_same(trusted.tensors, dict(model.state_dict()))


@pytest.mark.parametrize("content", [b"", b"hello, world", b"PK\x03\x04 damaged"])
def test_damaged_file(tmp_path: Path, content: bytes):
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_checkpoint(tmp_path / name)


def test_missing_file_and_file_without_state_dict(tmp_path: Path):
    with pytest.raises(InputError, match="cannot read the weights"):
        read_checkpoint(tmp_path / "none.pth")
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="no state dict"):
        read_checkpoint(tmp_path / "a.pth")


def test_what_does_not_fit_is_named_and_counted():
    state = {"1.weight": torch.zeros(5, 4), "2.weight": torch.zeros(1)}
    with pytest.raises(InputError) as caught:
        load_weights(linear(), state, "a.pth does not fit x")
    said = str(caught.value)
    assert "1 missing (1.bias)" in said
    assert "1 unexpected (2.weight)" in said
    assert "1.weight (5, 4) instead of (3, 4)" in said


def test_weights_are_loaded():
    source, target = linear(), linear()
    load_weights(target, dict(source.state_dict()), "x")
    x = torch.rand(2, 4)
    assert target(x).equal(source(x))


def test_batch_counters_may_lack():
    state = {k: v for k, v in nn.BatchNorm2d(2).state_dict().items() if "num_batches" not in k}
    state["running_mean"] = torch.tensor([1.0, 2.0])
    target = nn.BatchNorm2d(2)
    load_weights(target, state, "x")
    assert target.running_mean is not None
    assert target.running_mean.tolist() == [1.0, 2.0]
