"""What tests of the commands that make images share."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

ROBUST = ("--model", "runs/robust", "--manifold", "runs/manifold")
ALONE = ("--model", "runs/robust", "--manifold", "none", "--steps", "5")


def says(result, code: int, *words: str) -> None:
    """Assert the exit code and one sentence on stderr that holds these words."""
    got, _, err = result
    last = err.strip().splitlines()[-1]
    assert got == code, err
    assert last.startswith("error: "), err
    for word in words:
        assert word in last, last


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "synthesis.json").read_text())["rows"]
