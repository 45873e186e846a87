"""`fit-manifold --halves`: how far manifolds of two halves of the images agree."""

import json

import pytest
import torch

from offmanifold.cli import main
from offmanifold.files import read_json


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
