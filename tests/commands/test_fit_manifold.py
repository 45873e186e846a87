"""`fit-manifold --halves`: how far manifolds of two halves of the images agree."""

import json
from pathlib import Path

import pytest
import torch

from offmanifold.cli import main
from offmanifold.commands.base import find_manifold
from offmanifold.commands.fit_manifold import shared_sigmas
from offmanifold.errors import InputError, RunError
from offmanifold.files import read_json, write_json
from offmanifold.manifold import ManifoldCard


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
