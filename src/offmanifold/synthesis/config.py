"""What is asked of a session: by which model images are made, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from offmanifold.data.types import Data
from offmanifold.manifolds import Manifold
from offmanifold.models import Loaded
from offmanifold.synthesis.methods import Method

LabelMap = str | Path | Sequence[str] | Mapping[str, str] | None


@dataclass(frozen=True)
class SessionConfig:
    """By which model images are made, and how.

    Attributes:
        model: any module, images (n, c, h, w) in [0, 1] → logits; what `load_model` or `train`
            returned; or a spec: runs/NAME, timm:NAME, torchvision:NAME or FILE.py:FUNCTION.
        data: the images that it was trained on, or their spec, where its run does not tell.
        manifold: one, None, or a spec: auto (fitted on the training images, or found again), none,
            exact, a fitted manifold, FILE.py:FUNCTION or diffusers:PATH.
        method: how images are made.
        weights: a file of weights for a model that is a spec.
        allow_pickle: load weights that hold pickled objects, which can run code.
        allow_code: run the Python file that a run names as its model.
        classes: how outputs are named where names do not match, as `adapt_labels` takes it; those
            of a bare module are in the order of the data's.
        data_seed: of the division of images that are a spec, as in the model's training.
        image_size: height and width of the images, where neither the model nor the data tell.
        channels: 1 for grey, 3 for colour, likewise.
        batch_size: images at a time; by default as many as fit.
        device: auto, cpu, cuda or mps.
    """

    model: str | Path | nn.Module | Loaded
    data: str | Path | Data | None = None
    manifold: str | Path | Manifold | None = "auto"
    method: Method = field(default_factory=Method)
    weights: str | Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    classes: LabelMap = None
    data_seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    batch_size: int | None = None
    device: str = "auto"

    @property
    def name(self) -> str:
        """What the model is called in sentences."""
        if isinstance(self.model, Loaded):
            return self.model.card.spec
        return type(self.model).__name__ if isinstance(self.model, nn.Module) else str(self.model)
