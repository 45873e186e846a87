"""An audit is found again where all that changes its numbers is the same, and never else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold.audits.identity import check_same
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import as_manifold

OPTIONS = {"limit": 20, "show": False, "only": ["accuracy.clean"], "label": "mine"}
FILE = """
import torch
from torch import nn
import layers

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(256, 10)

    def forward(self, x):
        return layers.scaled(self.linear(x.flatten(1)))

def make():
    return Net()

def other():
    return Net()
"""
LAYERS = "def scaled(x):\n    return x * 2\n"
AUDIT = (
    *("--data", "digits", "--manifold", "none", "--limit", "20"),
    *("--only", "accuracy.clean", "--classes", "by-index", "--json"),
)


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


@pytest.fixture
def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))


@pytest.fixture
def net(tmp_path: Path, monkeypatch) -> Path:
    """A model's file with a neighbour, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text(LAYERS)
    Path("net.py").write_text(FILE)
    return Path("net.py")


def test_the_same_call_finds_what_is_finished_and_says_so(digits, linear, tmp_path, capsys):
    options = {**OPTIONS, "show": True}
    first = om.audit(linear, digits, **asked(folder=tmp_path / "a", **options))
    before = (tmp_path / "a/audit.json").stat().st_mtime_ns
    assert "found again" not in capsys.readouterr().err
    second = om.audit(linear, digits, **asked(folder=str(tmp_path / "a"), **options))
    said = " ".join(capsys.readouterr().err.split())
    assert "mine: found again in" in said
    assert "nothing measured" in said
    assert second.json == json.loads(json.dumps(first.json))
    assert (tmp_path / "a/audit.json").stat().st_mtime_ns == before
    assert len(first.json["identity"]) == 12


def test_another_label_is_no_other_audit(digits, linear, tmp_path):
    om.audit(linear, digits, **asked(folder=tmp_path / "a", **OPTIONS))
    named = om.audit(linear, digits, **asked(folder=tmp_path / "a", **{**OPTIONS, "label": "new"}))
    assert named.label == om.read_audit(tmp_path / "a").label == "new"


def other_weights(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        model[1].bias[0] += 1e-3
    return model


def half_of(data: om.Data) -> om.Data:
    """The same test images, and fewer to train on."""
    return replace(data, train=data.train.subset(500))


DIFFERENT = {
    "weights": lambda m, d: (other_weights(m), d, {}),
    "code": lambda m, d: (nn.Sequential(*m, nn.Identity()), d, {}),
    "data": lambda m, d: (m, half_of(d), {}),
    "split (test, not val)": lambda m, d: (m, d, {"split": "val"}),
    "images (20, not 21)": lambda m, d: (m, d, {"limit": 21}),
    "seed (0, not 1)": lambda m, d: (m, d, {"seed": 1}),
    "eps (1.0, not 0.5)": lambda m, d: (m, d, {"eps": 0.5}),
    "gradient (log_prob, not logit)": lambda m, d: (m, d, {"gradient": "logit"}),
    "thorough (False, not True)": lambda m, d: (m, d, {"thorough": True}),
    "explain (False, not True)": lambda m, d: (m, d, {"explain": True}),
    "certify": lambda m, d: (m, d, {"certify": 0.1}),
    "measures": lambda m, d: (m, d, {"only": ["accuracy.clean", "output.spread"]}),
    "classes": lambda m, d: (m, d, {"classes": [str(9 - i) for i in range(10)]}),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_lies_there_with_anything_else_is_refused_by_name(digits, linear, tmp_path, what):
    om.audit(linear, digits, **asked(folder=tmp_path / "a", **OPTIONS))
    before = (tmp_path / "a/audit.json").read_bytes()
    model, data, options = DIFFERENT[what](linear, digits)
    with pytest.raises(om.InputError) as refused:
        om.audit(model, data, **asked(folder=tmp_path / "a", **{**OPTIONS, **options}))
    told = str(refused.value)
    assert f"holds another audit, with other {what}" in told
    assert "`folder`" in told
    assert (tmp_path / "a/audit.json").read_bytes() == before


def test_another_manifold_or_control_is_another_audit(digits, linear, tmp_path):
    def denoiser(by: float):
        return as_manifold(lambda x, sigma: x.clamp(0, 1) * by, digits, images=8)

    om.audit(linear, digits, **asked(folder=tmp_path / "a", **OPTIONS))
    with pytest.raises(om.InputError, match="with other manifold"):
        om.audit(linear, digits, denoiser(0.9), **asked(folder=tmp_path / "a", **OPTIONS))
    om.audit(linear, digits, denoiser(0.9), **asked(folder=tmp_path / "b", **OPTIONS))
    om.audit(linear, digits, denoiser(0.9), **asked(folder=tmp_path / "b", **OPTIONS))
    with pytest.raises(om.InputError, match="with other manifold"):
        om.audit(linear, digits, denoiser(0.8), **asked(folder=tmp_path / "b", **OPTIONS))


def test_equal_names_of_other_images_are_other_data(linear, tmp_path):
    def data(shift: float) -> Data:
        x = np.random.default_rng(0).random((60, 1, 16, 16), dtype=np.float32)
        x[59] = (x[59] + shift) % 1
        source = ArraySource(x, np.arange(60) % 10, [str(i) for i in range(60)])
        names = tuple("0123456789")
        rows = np.arange(60)
        return Data(*(Split(source, rows[i::3], names) for i in range(3)))

    om.audit(linear, data(0), **asked(folder=tmp_path / "a", **OPTIONS))
    with pytest.raises(om.InputError, match="with other data"):
        om.audit(linear, data(0.5), **asked(folder=tmp_path / "a", **OPTIONS))


def test_a_module_changed_after_it_was_loaded_is_another(digits, tmp_path, net):
    loaded = om.load_model("net.py:make", classes=digits.classes, shape=digits.shape)
    options = {**OPTIONS, "classes": "by-index"}
    om.audit(loaded, digits, **asked(folder=tmp_path / "a", **options))
    om.audit(loaded, digits, **asked(folder=tmp_path / "a", **options))
    with torch.no_grad():
        loaded.module.linear.weight.zero_()
    with pytest.raises(om.InputError, match="with other weights"):
        om.audit(loaded, digits, **asked(folder=tmp_path / "a", **options))


EDITS = {
    "forward": ("net.py", FILE.replace("x.flatten(1)", "x.flatten(1).flip(1) ** 3")),
    "neighbour": ("layers.py", LAYERS.replace("* 2", "*-2")),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_file_or_neighbour_is_measured_again(net, offmanifold, what):
    code, (first,), err = offmanifold("audit", "net.py:make", *AUDIT)
    assert code == 0, err
    code, (again,), err = offmanifold("audit", "net.py:make", *AUDIT)
    assert again == first
    assert "found again in" in err
    assert offmanifold("audit", "net.py:make", *AUDIT, "--out", "named")[0] == 0
    path, text = EDITS[what]
    Path(path).write_text(text)
    code, (other,), err = offmanifold("audit", "net.py:make", *AUDIT)
    assert code == 0
    assert "found again" not in err
    assert other["identity"] != first["identity"]
    assert other["model"]["weights_hash"] == first["model"]["weights_hash"]
    accuracies = [one["measures"]["accuracy.clean"]["value"] for one in (first, other)]
    assert accuracies[0] != accuracies[1]
    code, _, err = offmanifold("audit", "net.py:make", *AUDIT, "--out", "named")
    assert code == 2
    assert "named holds another audit, with other code" in " ".join(err.split())


def test_a_file_s_place_does_not_count_and_its_function_does(net, offmanifold, tmp_path):
    (_, (first,), _), (_, (other,), _) = (
        offmanifold("audit", f"net.py:{name}", *AUDIT) for name in ("make", "other")
    )
    assert first["identity"] != other["identity"]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("net.py", "layers.py"):
        (moved / name).write_bytes(Path(name).read_bytes())
    _, (again,), _ = offmanifold("audit", f"{moved}/net.py:make", *AUDIT)
    assert again["identity"] == first["identity"]


def test_equal_images_in_another_order_meet_other_noise(linear, tmp_path):
    def data(order: np.ndarray) -> Data:
        x = np.random.default_rng(0).random((60, 1, 16, 16), dtype=np.float32)
        source = ArraySource(x[order], order % 10, [str(i) for i in order])
        rows, names = np.argsort(order), tuple("0123456789")
        return Data(*(Split(source, np.sort(rows[i::3]), names) for i in range(3)))

    one, other = (data(order) for order in (np.arange(60), np.arange(60)[::-1].copy()))
    assert one.fingerprint == other.fingerprint
    om.audit(linear, one, **asked(folder=tmp_path / "a", **OPTIONS))
    with pytest.raises(om.InputError, match="with other rows"):
        om.audit(linear, other, **asked(folder=tmp_path / "a", **OPTIONS))


def test_a_damaged_audit_is_made_anew_by_the_same_call(digits, linear, tmp_path):
    first = om.audit(linear, digits, **asked(folder=tmp_path / "a", **OPTIONS))
    (tmp_path / "a/images.parquet").write_bytes(b"damaged")
    again = om.audit(linear, digits, **asked(folder=tmp_path / "a", **OPTIONS))
    assert again.json["measures"] == first.json["measures"]
    assert om.read_audit(tmp_path / "a").columns.keys() == first.columns.keys()


def test_an_audit_that_does_not_say_what_it_is_of_is_refused(tmp_path):
    with pytest.raises(om.InputError, match="does not say of what it is"):
        check_same(tmp_path, None, {"weights": "a"})
