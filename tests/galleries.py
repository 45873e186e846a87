"""What tests of the commands that make images share."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

ROBUST = ("--model", "runs/robust", "--manifold", "runs/manifold")
ALONE = ("--model", "runs/robust", "--manifold", "none", "--steps", "5")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def rows(folder: Path) -> list[dict]:
    return json.loads((folder / "synthesis.json").read_text())["rows"]
