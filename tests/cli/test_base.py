"""What commands share: manifolds below runs/, what is told of images, and JSON on any console."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from offmanifold.cli.base import print_json
from offmanifold.data.config import DataConfig
from offmanifold.manifolds.resolve import fitted_manifolds
from offmanifold.models.labels import label_map


def test_what_is_broken_or_another_hides_no_manifold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    configs = {
        "halves/first": '{"kind": "manifold"}',
        "judge": '{"kind": "manifold"}',
        "half-written": '{"kind": "mani',
        "list": "[1]",
        "net": '{"kind": "run"}',
    }
    for name, text in configs.items():
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.json").write_text(text)
    assert fitted_manifolds() == [Path("runs/halves/first"), Path("runs/judge")]


def test_what_was_decided_about_images_is_told(tmp_path: Path, capsys):
    for i in range(3):
        (tmp_path / "[bold] x" / "Test" / f"{i % 2}").mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 4), 90 + i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "[bold] x" / "Test" / f"{i % 2}" / f"{i}.png")
    images = DataConfig(str(tmp_path / "[bold] x"))
    images.load()
    said = capsys.readouterr().err
    assert "taken for test: Test" in said
    assert "no training images: all are judged" in said
    images.load(show=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "ascii", "utf-8"])
def test_json_on_any_console(encoding: str, monkeypatch: pytest.MonkeyPatch):
    value = {"path": "\u732b \u00e9 \U0001f600 \udc93.png"}
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    print_json(value)
    stream.flush()
    assert json.loads(stream.buffer.getvalue().decode(encoding)) == value  # type: ignore[attr-defined]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_maps_of_labels_are_utf_8_whatever_the_locale(mark: str, tmp_path: Path):
    path = tmp_path / "names.json"
    path.write_bytes((mark + '["\u732b", "caf\u00e9"]').encode())
    assert label_map(str(path)) == ["\u732b", "caf\u00e9"]
    assert label_map("by-index") == "by-index"
    assert label_map(str(tmp_path / "none.json")) == str(tmp_path / "none.json")
