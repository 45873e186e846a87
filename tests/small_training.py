"""A small training: images of two classes, a short recipe, a network with noise of its own."""

from pathlib import Path

import numpy as np

from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.training.recipe import Recipe
from offmanifold.training.train import train

CLASSES = ("left", "right")
RECIPE = Recipe(epochs=2, batch_size=8, lr=0.02)  # 2 epochs of 4 steps
FIRST_RECIPE = {  # as version 0.1 saved it; a run's identity is made of it
    "epochs": 2,
    "batch_size": 8,
    "lr": 0.02,
    "weight_decay": 1e-3,
    "warmup": 0.5,
    "clip": 1.0,
    "seed": 0,
}
ALL_NEW = {"schedule": "step", "ema": 0.9, "shift": 1, "flip": True}


def images(classes: tuple[str, ...] | None = CLASSES, n: int = 64) -> Data:
    """Noise with a bright left or right half: half for training, a quarter each for the rest."""
    generator = np.random.default_rng(0)
    labels = np.arange(n) % 2
    pixels = generator.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
    for side in (0, 1):
        pixels[labels == side, :, :, 4 * side : 4 * side + 4] += 60
    source = ArraySource(pixels, labels if classes else None, [str(i) for i in range(n)])
    parts = np.split(np.arange(n), [n // 2, 3 * n // 4])
    return Data(*(Split(source, rows, classes) for rows in parts))


def write_noisy_net(folder: Path) -> str:
    """Return the spec of a network with dropout and batch normalisation."""
    (folder / "net.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    layers = [nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.SiLU(), nn.Dropout()]\n"
        "    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(36, 2))\n"
    )
    return f"{folder / 'net.py'}:make"


def fit(model, data: Data, out: Path | None, objective=None, recipe=RECIPE, **more):
    return train(
        model,
        data,
        objective=objective,
        recipe=recipe,
        out=out,
        save=out is not None,
        device="cpu",
        **{"precision": "fp32", "show": False, **more},
    )
