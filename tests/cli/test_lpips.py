"""`audit --lpips`: measured with weights, told with its mend where something is lacking."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from alexnet import random_alexnet
from offmanifold._core.files import file_hash
from offmanifold.measures.lpips import NO_PACKAGE, NO_WEIGHTS, PUBLISHED
from offmanifold.reports.catalogue import said

NAME = "alignment.lpips_posterior"
AUDIT = ["audit", "runs/robust", "--data", "digits", "--limit", "12"]
JUDGED = [*AUDIT, "--manifold", "runs/manifold"]
ONLY = ["--only", NAME, "accuracy.clean"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder of checkpoints, with nothing in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    pytest.importorskip("lpips")
    torch.save(random_alexnet(), tmp_path / "alexnet.pth")
    return tmp_path / "alexnet.pth"


def folder_of(err: str) -> str:
    """Return the hash that names the audit a command made."""
    (line,) = [line for line in err.splitlines() if "audit in" in line]
    return Path(line.split("audit in ")[1]).name


def test_without_weights_the_rest_is_audited_and_the_command_that_gets_them_is_told(
    here, hub, offmanifold
):
    code, (audit,), err = offmanifold(*JUDGED, *ONLY, "--json")
    assert code == 0, err
    assert audit["measures"].keys() == {"accuracy.clean"}
    assert audit["skipped"][NAME] == asdict(NO_WEIGHTS)
    assert "lpips_weights" not in audit["settings"]
    assert err.count(said(NO_WEIGHTS, "en")) == 1
    again = [*JUDGED, *ONLY, "--gradient", "log_prob", "margin", "--language", "ja"]
    assert (
        offmanifold(*again)[2].count(said(NO_WEIGHTS, "ja")) == 1
    )  # of finished audits too, and once


def test_without_the_extra_it_is_named_even_where_there_are_weights(
    here, hub, weights, offmanifold, monkeypatch
):
    monkeypatch.setitem(sys.modules, "lpips", None)
    out = ["--out", hub / "audit"]
    code, (audit,), err = offmanifold(*JUDGED, *ONLY, *out, "--lpips", weights, "--json")
    assert code == 0, err
    assert audit["measures"].keys() == {"accuracy.clean"}
    assert audit["skipped"][NAME] == asdict(NO_PACKAGE)


def test_with_weights_it_is_measured_and_they_are_named(here, hub, weights, offmanifold):
    memory = str(hub / "memory")
    few = ["--epochs", "1", "--out", memory]
    assert offmanifold("train", "--data", "random-labels:digits", *few)[0] == 0
    given = [*JUDGED, *ONLY, "--label-randomised", memory]
    code, (audit,), err = offmanifold(*given, "--lpips", weights, "--json")
    assert code == 0, err
    number = audit["measures"][NAME]
    assert 0 < number["value"] < 1
    assert number["n"] == 12
    assert number["zero_gradients"] == 0
    assert number["controls"].keys() == {
        *("white_noise", "spectrum_noise", "image", "class_mean", "wrong_class", "wrong_image"),
        *("untrained", "label_randomised"),
    }
    assert audit["settings"]["lpips_weights"] == file_hash(weights)
    assert audit["settings"]["lpips_input"] == [3, 64, 64]
    page = hub / "page.html"
    said = offmanifold(*given, "--lpips", weights, "--report", page, "--language", "ja")
    assert said[0] == 0, said[2]
    for text in ("事後スコアとの知覚的類似度", "LPIPSへの入力", "3 × 64 × 64", file_hash(weights)):
        assert text in page.read_text("utf-8"), text
    # torch hub's own copy is the same file, so it is the same audit
    shutil.copy(weights, hub / PUBLISHED)
    again = offmanifold(*given, "--json")
    assert again[1] == [audit]
    assert folder_of(again[2]) == folder_of(err)


def test_the_audit_by_other_weights_is_another(here, hub, weights, offmanifold):
    other = weights.with_name("other.pth")
    torch.save(random_alexnet(seed=1), other)
    names = []
    for given in ([], ["--lpips", weights], ["--lpips", other]):
        code, _, err = offmanifold(*JUDGED, *ONLY, *given)
        assert code == 0, err
        names.append(folder_of(err))
    assert len(set(names)) == 3


def test_info_tells_whether_the_extra_is_there(offmanifold, monkeypatch):
    pytest.importorskip("lpips")
    assert "lpips" in offmanifold("info", "--json")[1]["extras installed"]
    monkeypatch.setitem(sys.modules, "lpips", None)
    assert "lpips" not in offmanifold("info", "--json")[1]["extras installed"]


def test_weights_that_are_none_are_refused_before_anything_long(here, hub, offmanifold, tmp_path):
    bad = tmp_path / "bad.pth"
    torch.save({"fc.weight": torch.zeros(2, 2)}, bad)
    for path, words in ((bad, "features.0.weight is missing"), (tmp_path / "no.pth", "no file")):
        code, out, err = offmanifold(*AUDIT, "--manifold", "auto", *ONLY, "--lpips", path)
        assert (code, out) == (2, "")
        assert err.startswith("error: "), err  # no word of fitting a manifold
        assert words in err
        assert "--lpips" in err
