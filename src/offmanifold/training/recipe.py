"""How long and how fast a classifier is trained."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.optimisation import Shape


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        lr: peak learning rate of AdamW.
        weight_decay: of AdamW.
        warmup: share of the steps over which the objective's strength rises to its full value;
            large strengths collapse at the start otherwise.
        clip: largest l2 norm of the whole weight gradient.
        seed: of new weights, the order of images and all noise.
        schedule: one-cycle (a rise over a tenth of the steps, then a cosine to zero), or step (lr
            from the start, divided by 10 at 3/4 and again at 7/8 of the steps).
        ema: decay of an exponential moving average of the weights, which is what is saved and what
            the validation accuracy shown is of; 0 is off.
        shift: pixels by which each image is moved at most, either way, at every step; what comes in
            at an edge is the image reflected there.
        flip: mirror each image left–right with probability ½ at every step.
        compile: run the model through torch.compile.
    """

    since_first: ClassVar[tuple[str, ...]] = ("schedule", "ema", "shift", "flip", "compile")
    epochs: int = 12
    batch_size: int = 64
    lr: float = 6e-3
    weight_decay: float = 1e-3
    warmup: float = 0.5
    clip: float = 1.0
    seed: int = 0
    schedule: Shape = "one-cycle"
    ema: float = 0.0
    shift: int = 0
    flip: bool = False
    compile: bool = False

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be above 0 and finite, not {getattr(self, name)}")
        if not 0 <= self.weight_decay < math.inf:
            raise InputError(f"weight_decay must be 0 or above, not {self.weight_decay}")
        if not 0 <= self.warmup <= 1:
            raise InputError(f"warmup is a share between 0 and 1, not {self.warmup}")
        if self.schedule not in ("one-cycle", "step"):
            raise unknown_name("schedule", self.schedule, ("one-cycle", "step"))
        if not 0 <= self.ema < 1:
            raise InputError(f"ema is a decay at least 0 and below 1, not {self.ema}")
        if self.shift < 0:
            raise InputError(f"shift must be at least 0 pixels, not {self.shift}")

    @property
    def config(self) -> dict[str, Any]:
        """The part of a run's identity; fields of later versions are in it where they are used.

        So the runs of earlier versions are found again.
        """
        default = {f.name: f.default for f in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in self.since_first or value != default[name]
        }
