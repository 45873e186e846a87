import argparse
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_model
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_tensors
from offmanifold.models.checkpoint import load_weights, read_checkpoint, unprefixed, weights_hash


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
    with pytest.raises(InputError, match="`allow_pickle`"):
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


def test_tensors_beside_a_state_dict_do_not_hide_it(tmp_path: Path):
    state = linear().state_dict()
    for beside in (
        {"best_acc1": torch.tensor(71.3)},
        {"best_acc1": torch.tensor([71.3]), "epoch": torch.tensor(3), "arch": "resnet"},
        {"mean": torch.zeros(3), "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
    ):
        for wrapper in ("state_dict", "model", "module"):
            torch.save({**beside, wrapper: state}, tmp_path / "a.pth")
            assert_same(read_checkpoint(tmp_path / "a.pth").tensors, dict(state))
    torch.save({"epoch": torch.tensor(3), "generator": state}, tmp_path / "a.pth")
    assert_same(read_checkpoint(tmp_path / "a.pth").tensors, dict(state))
    torch.save({"model": {"state_dict": state}, "n": torch.ones(1)}, tmp_path / "a.pth")
    assert_same(read_checkpoint(tmp_path / "a.pth").tensors, dict(state))
    torch.save({"student": state, "teacher": linear().state_dict()}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="no state dict .*student, teacher"):
        read_checkpoint(tmp_path / "a.pth")


def test_a_plain_state_dict_with_one_tensor_of_no_dimensions(tmp_path: Path):
    torch.save({"scale": torch.tensor(2.0)}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").tensors.keys() == {"scale"}


def sharded(folder: Path, state: dict, ending: str, stem: str) -> Path:
    folder.mkdir()
    names = sorted(state)
    parts = {f"{stem}-0000{i}-of-00002.{ending}": names[i::2] for i in range(2)}
    for name, kept in parts.items():
        tensors = {k: state[k] for k in kept}
        if ending == "safetensors":
            write_tensors(folder / name, tensors)
        else:
            torch.save(tensors, folder / name)
    shards = {k: name for name, kept in parts.items() for k in kept}
    index = folder / f"{stem}.{ending}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 9}, "weight_map": shards}))
    return index


@pytest.mark.parametrize(("ending", "stem"), [("safetensors", "model"), ("bin", "pytorch_model")])
def test_sharded_weights(tmp_path: Path, ending: str, stem: str):
    state = dict(linear().state_dict())
    index = sharded(tmp_path / "hub", state, ending, stem)
    for given in (index, index.parent):
        assert_same(read_checkpoint(given).tensors, state)
    before = weights_hash(index)
    first = sorted(index.parent.glob(f"{stem}-*"))[0]
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    assert weights_hash(index) != before
    first.unlink()
    with pytest.raises(InputError, match=f"of which 1 are missing .{first.name}"):
        read_checkpoint(index)


def test_an_index_leads_to_no_other_folder(tmp_path: Path):
    write_tensors(tmp_path / "other.safetensors", {"a": torch.ones(1)})
    (tmp_path / "hub").mkdir()
    index = tmp_path / "hub" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../other.safetensors"}}))
    with pytest.raises(InputError, match="no file in its own folder"):
        read_checkpoint(index)
    index.write_text('{"weight_map": 3}')
    with pytest.raises(InputError, match="no index of weights"):
        read_checkpoint(index)


def test_a_folder_with_one_file_or_several(tmp_path: Path):
    state = dict(linear().state_dict())
    torch.save(state, tmp_path / "best.pth")
    assert_same(read_checkpoint(tmp_path).tensors, state)
    torch.save(state, tmp_path / "last.pth")
    with pytest.raises(InputError, match=r"2 files of weights \(best.pth, last.pth\)"):
        read_checkpoint(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="0 files of weights;"):
        read_checkpoint(tmp_path / "none")


@pytest.mark.parametrize("name", ["a.bin", "a.pth", "a.safetensors", "a"])
def test_a_file_is_read_as_what_it_is_whatever_its_name(tmp_path: Path, name: str):
    state = dict(linear().state_dict())
    write_tensors(tmp_path / name, state)
    assert_same(read_checkpoint(tmp_path / name).tensors, state)
    torch.save(state, tmp_path / name)
    assert_same(read_checkpoint(tmp_path / name).tensors, state)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight


def test_tied_weights_left_out_of_a_file(tmp_path: Path):
    model, again = Tied(), Tied()
    save_model(model, str(tmp_path / "a.safetensors"))
    tensors = read_checkpoint(tmp_path / "a.safetensors").tensors
    assert len(tensors) == 3
    load_weights(again, tensors, "x")
    assert_same(dict(again.state_dict()), dict(model.state_dict()))
    assert again.second.weight is again.first.weight


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision(tmp_path: Path, dtype: torch.dtype):
    model, again = linear(), linear()
    state = {k: v.to(dtype) for k, v in model.state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    load_weights(again, read_checkpoint(tmp_path / "a.pth").tensors, "x")
    for k, v in again.state_dict().items():
        assert v.dtype == torch.float32
        assert v.equal(state[k].float())


def test_wrappers_within_names_and_on_the_other_side():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 2)

    state = dict(Outer().state_dict())
    stored = {f"module.{k.replace('body.', 'body._orig_mod.module.')}": v for k, v in state.items()}
    assert_same(unprefixed(stored, Outer()), state)
    wrapped = nn.Sequential()
    wrapped.module = Outer()  # as DataParallel has it
    fitted = unprefixed(state, wrapped)
    assert fitted.keys() == wrapped.state_dict().keys()
    assert fitted["module.body.weight"].equal(state["body.weight"])


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def files_of_other_kinds(folder: Path) -> dict[str, tuple[Path, str]]:
    scripted = folder / "scripted.pt"
    torch.jit.trace(linear(), torch.rand(2, 4)).save(str(scripted))
    np.savez(folder / "arrays.npz", w=np.ones(3))
    with zipfile.ZipFile(folder / "some.zip", "w") as file:
        file.writestr("weights.pth", b"123")
    plain = {
        "pointer.pth": (POINTER, "Git LFS.*git lfs pull"),
        "page.pth": (b"\n<!DOCTYPE html><html>404</html>", "a web page.*download"),
        "empty.pth": (b"", "empty"),
        "model.onnx": (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x80", "ONNX"),
        "model.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
        "notes.pt": ("weights: siehe Anhang, für alle\n".encode(), "a text"),
        "config.json": (b'{"architectures": ["ResNet"]}', "JSON"),
        "config.bin": (b'{"architectures": ["ResNet"]}', "JSON"),
        "noise.pth": (bytes(range(200, 256)) * 4, "damaged"),
        "gz.pth": (b"\x1f\x8b\x08" + bytes(9), "gzip"),
        "saved_model.pb": (b"\x08\x01\x12\xd5\x02\x1a" + bytes(64), "TensorFlow"),
        "model.tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(64), "TensorFlow Lite"),
        "best.pth.tar": (bytes(257) + b"ustar" + bytes(250), "a tar archive.*unpack"),
        "begun.pth": (b"\x80", "damaged"),
        "byte.pth": (b"\x08", "damaged"),
    }
    found = {
        "scripted": (scripted, "TorchScript.*torch.jit.load"),
        "arrays": (folder / "arrays.npz", "NumPy"),
        "zip": (folder / "some.zip", "a zip archive"),
    }
    for name, (content, said) in plain.items():
        (folder / name).write_bytes(content)
        found[name] = (folder / name, said)
    return found


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_pickle_is_told_what_it_is(tmp_path: Path):
    for path, said in files_of_other_kinds(tmp_path).values():
        for allowed in (False, True):
            with pytest.raises(InputError, match=said) as caught:
                read_checkpoint(path, allowed)
            assert path.name in str(caught.value)
            assert "`allow_pickle`" not in str(caught.value)


def test_a_plain_pickle_asks_for_trust(tmp_path: Path):
    state = {"w": np.ones(3, dtype=np.float32)}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"state_dict": state, "best": 0.5}))
    with pytest.raises(InputError, match="`allow_pickle`"):
        read_checkpoint(tmp_path / "a.pkl")
    assert read_checkpoint(tmp_path / "a.pkl", True).tensors["w"].equal(torch.ones(3))


def test_wrappers_of_unknown_names_in_any_nesting(tmp_path: Path):
    state = linear().state_dict()
    for stored in (
        {"epoch": 1, "checkpoint": {"model": {"state_dict": state}}},
        {"a": {"b": {"c": state}}},
        {"weights_of_mine": state, "losses": torch.ones(9)},
    ):
        torch.save(stored, tmp_path / "a.pth")
        assert_same(read_checkpoint(tmp_path / "a.pth").tensors, dict(state))


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ({"0": 1, "1": 0}, ("1", "0")),  # classes called by digits
        ({"a": 0, "b": 2, "c": 5}, None),
        ({"a": 1, "b": 2}, None),
        ({"a": 0, "b": 0}, None),
        ({"x": "a", "y": "b"}, None),
        ({"a": {"b": 1}}, None),
        ({0: "a", 2: "b"}, None),
    ],
)
def test_names_are_taken_only_where_they_number_the_outputs(tmp_path: Path, entry, names):
    torch.save({"state_dict": linear().state_dict(), "class_to_idx": entry}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").classes == names


def test_integers_are_no_weights():
    model = linear()
    state = {k: (100 * v).to(torch.int8) for k, v in model.state_dict().items()}
    with pytest.raises(InputError, match="2 of no real numbers, as in a quantised model"):
        load_weights(model, state, "a.pth")


def test_weights_that_are_one_in_the_model_and_differ_in_the_file_are_refused():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    state = {k: v.clone() for k, v in model.state_dict().items()}
    load_weights(model, state, "a.pth")
    state["1.weight"] += 1
    with pytest.raises(InputError, match="0.weight and 1.weight are one tensor"):
        load_weights(model, state, "a.pth")


def test_a_file_that_lacks_its_end_is_damaged(tmp_path: Path):
    torch.save(linear().state_dict(), tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    for end in (-5, 10, 100, len(content) // 2):
        (tmp_path / "b.pth").write_bytes(content[:end])
        with pytest.raises(InputError, match="damaged"):
            read_checkpoint(tmp_path / "b.pth")


def test_the_weights_of_a_trainer_s_folder_are_found_beside_its_state(tmp_path: Path):
    state = linear().state_dict()
    torch.save(state, tmp_path / "pytorch_model.bin")
    torch.save({"lr": 1}, tmp_path / "optimizer.pt")
    torch.save({}, tmp_path / "rng_state.pth")
    assert_same(read_checkpoint(tmp_path).tensors, dict(state))


def test_trust_is_asked_for_only_where_it_can_be_given(tmp_path: Path):
    torch.save(linear(), tmp_path / "a.pth")
    with pytest.raises(InputError, match="is a pickle .*instead$"):
        read_checkpoint(tmp_path / "a.pth", None)
