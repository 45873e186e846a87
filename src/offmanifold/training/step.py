"""The steps of training: which images, at which strength, by which noise."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.device import Engine
from offmanifold._core.optimisation import Schedule
from offmanifold._core.randomness import PartNoise, Randomness, generator_of, seed_of
from offmanifold.data.augmentation import augment
from offmanifold.data.types import Split
from offmanifold.objectives import Objective
from offmanifold.training.recipe import Recipe


@dataclass(frozen=True)
class Steps:
    """The loss of every step; what is random in it is drawn from (seed, step) alone."""

    train: Split
    recipe: Recipe
    objective: Objective
    model: nn.Module
    engine: Engine
    orders: dict[int, np.ndarray] = field(default_factory=dict)  # of the present epoch alone

    @property
    def batch_size(self) -> int:
        """Images a step, of all processes together."""
        return min(self.recipe.batch_size, len(self.train))

    @property
    def an_epoch(self) -> int:
        """Steps of an epoch; what is left over comes in other epochs."""
        return len(self.train) // self.batch_size

    @property
    def part(self) -> Tensor:
        """Places in a batch that are for this process."""
        return torch.arange(self.batch_size)[self.engine.rank :: self.engine.world]

    @property
    def schedule(self) -> Schedule:
        recipe = self.recipe
        return Schedule(
            recipe.epochs * self.an_epoch,
            recipe.lr,
            recipe.weight_decay,
            clip=recipe.clip,
            shape=recipe.schedule,
        )

    def loss_at(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return this process's share of the loss and of its parts."""
        x, y = self._images(step)
        rising = max(1, self.recipe.warmup * self.schedule.steps)
        objective = at_strength(self.objective, min(1.0, (step + 1) / rising))
        device = self.engine.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(layers_seed(self.recipe.seed, step, self.engine.rank))
            loss = objective(self.model, x, y, generator=self._noise("train", step))
        share = len(self.part) / self.batch_size
        parts = {name: share * float(p.detach().mean()) for name, p in loss.parts.items()}
        return share * loss.per_sample.mean(), parts

    def _images(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, self.an_epoch)
        if epoch not in self.orders:
            self.orders.clear()
            self.orders[epoch] = _order(self.train, self.recipe.seed, epoch)
        rows = self.orders[epoch][position * self.batch_size :]
        batch = self.train.read(rows[self.part.numpy()])
        assert batch.y is not None
        x = batch.x
        if self.recipe.shift or self.recipe.flip:
            x = augment(x, self.recipe.shift, self.recipe.flip, self._noise("augment", step))
        x = x.to(self.engine.device, memory_format=torch.channels_last)
        return x, batch.y.to(self.engine.device)

    def _noise(self, name: str, step: int) -> Randomness:
        generator = generator_of(name, self.recipe.seed, step)
        if self.engine.world == 1:
            return generator
        return PartNoise(generator, self.part, self.batch_size)


def at_strength(objective: Objective, share: float) -> Objective:
    """Return the objective at a share of its strength, for the warm-up."""
    if objective.strength is None or share >= 1:
        return objective
    full = getattr(objective, objective.strength)
    return replace(objective, **{objective.strength: share * full})  # type: ignore[type-var]


def layers_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed from which dropout draws: processes see other images, so other masks."""
    return seed_of("layers", seed, step, *([rank] if rank else []))


def _order(train: Split, seed: int, epoch: int) -> np.ndarray:
    generator = generator_of("order", seed, epoch)
    return train.rows[torch.randperm(len(train), generator=generator).numpy()]
