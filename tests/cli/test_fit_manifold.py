"""`fit-manifold --halves`: how far manifolds of two halves of the images agree."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.registry import to_config
from offmanifold.cli.main import main
from offmanifold.data import load_data
from offmanifold.manifolds import Denoiser, ManifoldCard, resolve
from offmanifold.manifolds.halves import shared_sigmas
from offmanifold.manifolds.resolve import find_manifold


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_halves_are_compared_at_every_noise_level_that_both_may_be_asked_at(tmp_path, capsys):
    torch.manual_seed(0)
    argv = ["fit-manifold", "--halves", "--data", "subspace:3", "--out", "pair", "--json"]
    assert main([*argv, "local-pca"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sigma"] == 0.25
    levels = found["by_sigma"]
    assert set(levels) >= {"0.25"}
    assert len(levels) > 1
    assert found["projection_cosine"] == levels["0.25"]["projection_cosine"]
    for numbers in levels.values():
        number = numbers["projection_cosine"]
        assert number["n"] > 0
        assert 0.9 < number["low"] <= number["value"] <= number["high"] <= 1
        assert "posterior_cosine" not in numbers  # no scores
    for half in ("first", "second"):
        assert read_json(tmp_path / "pair" / half / "agreement.json") == found
    assert main([*argv[:-1], "local-pca"]) == 0  # found again
    shown = capsys.readouterr().out
    assert "0.25 (default)" in shown
    assert "cosine of projections" in shown
    assert shown.count("tr J ÷") == 2  # the gates of either half


def card(spec: str, passing: set[float]) -> ManifoldCard:
    gates = [{"sigma": s, "passes": s in passing} for s in (0.1, 0.25, 0.5)]
    return ManifoldCard(spec, "h", (1, 4, 4), None, None, gates=gates)


def test_halves_share_only_noise_levels_at_which_both_pass():
    assert shared_sigmas([card("a", {0.1, 0.25}), card("b", {0.1, 0.5})]) == [0.1]
    with pytest.raises(RunError, match=r"a passes at 0.25; b passes at none"):
        shared_sigmas([card("a", {0.25}), card("b", set())])


def test_manifolds_of_halves_are_known_by_path_and_by_name(tmp_path):
    for folder in ("manifold-aaaa", "one/first", "one/second", "two/first", "model"):
        kind = "run" if folder == "model" else "manifold"
        write_json(tmp_path / "runs" / folder / "config.json", {"kind": kind})
    with pytest.raises(InputError, match="runs/one/second"):
        find_manifold("runs/nothing")
    assert find_manifold("second") == Path("runs/one/second")
    assert find_manifold("aaaa") == Path("runs/manifold-aaaa")
    with pytest.raises(InputError, match="runs/one/first, runs/two/first"):
        find_manifold("first")
    with pytest.raises(InputError, match="unknown manifold"):
        find_manifold("model")


def test_auto_names_the_manifolds_of_these_images_that_it_does_not_use(monkeypatch, capsys):
    data = load_data("digits")
    usual = {"kind": "manifold", "data": data.train.fingerprint, "seed": 0}
    usual["estimator"] = to_config(Denoiser().resolved(data.train))
    configs = {
        "usual": usual,
        "seeded": {**usual, "seed": 1},
        "other-images": {**usual, "data": "other", "seed": 1},
        "unfinished": {**usual, "seed": 2},
        "pair/first": {**usual, "estimator": {"name": "local_pca"}},
    }
    for name, config in configs.items():
        write_json(Path("runs") / name / "config.json", config)
        if name != "unfinished":
            write_json(Path("runs") / name / "metrics.json", {})
    fitted = SimpleNamespace(card=card("usual", set()))
    monkeypatch.setattr(resolve, "fit_manifold", lambda data, **_: fitted)
    resolve.resolve_manifold("auto", data)
    err = capsys.readouterr().err
    assert "not used: runs/pair/first, runs/seeded; to judge by it: `manifold` runs/pair" in err
    shutil.rmtree("runs/pair")
    shutil.rmtree("runs/seeded")
    resolve.resolve_manifold("auto", data)
    assert "not used" not in capsys.readouterr().err
