"""Training input gradients to point where the data say."""

import math
from collections.abc import Set
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.precision import at_least_float32
from offmanifold._core.randomness import Randomness, uniform
from offmanifold.attacks.balls import unit
from offmanifold.data.types import Split
from offmanifold.models.scalars import SCALARS, cross_entropy
from offmanifold.objectives.base import Loss, Plain, Resources, objectives
from offmanifold.objectives.double_backward import DoubleBackward

BANK = 5000  # training images among which neighbours are sought
SAME = 3e-3  # of the image's norm: distances are computed no better than that
DIRECTIONS = ("class_means", "single_image", "nearest", "score_difference")


@objectives.register("aligned")
@dataclass(frozen=True)
class Aligned(Plain):
    """ℓ(f(x), y) + weight · (1 − cos(∇ₓ s_c(x), g(x, c))), c a class drawn for each image.

    Ganz et al. 2023. s_c is the logit f_c, and g the way from x to class c: to its mean image
    (`class_means`), to its image nearest that mean (`single_image`), or to the nearest of its
    training images (`nearest`). With `score_difference`, g = s(x̃|c) − s(x̃) by a denoiser, which by
    Bayes' rule is the gradient of log p(c|x̃), and s_c is log p_c: its gradient's direction is taken
    from the log-odds of c. The model must then not be judged by that manifold. Cost: one forward,
    one backward and one double backward pass; for score_difference 8 passes of the denoiser more.

    Attributes:
        weight: the strength, per unit of cosine.
        directions: class_means, single_image, nearest, or score_difference (needs `manifold`).
    """

    strength: ClassVar[str | None] = "weight"
    weight: float = 1.0
    directions: Literal["class_means", "single_image", "nearest", "score_difference"] = (
        "class_means"
    )

    def __post_init__(self):
        if not 0 < self.weight < math.inf:
            raise InputError(f"aligned needs a finite weight > 0, not {self.weight}")
        if self.directions not in DIRECTIONS:
            raise unknown_name("directions of aligned", self.directions, DIRECTIONS)

    @property
    def compiles(self) -> bool:
        return False  # torch.compile has no double backward

    @property
    def needs(self) -> Set[str]:
        return frozenset({"manifold" if self.directions == "score_difference" else "train_data"})

    def prepare(self, resources: Resources) -> "Aligned":
        """Return the objective with its guide. Raises InputError where the data give none."""
        train = resources.train_data
        if self.directions == "score_difference":
            guide = ByScores.of(resources.manifold, train)
        elif train is None or train.labels is None:
            raise InputError("aligned needs labelled training images, or a manifold")
        else:
            make = {"class_means": ToImages.means, "single_image": ToImages.typical}
            guide = make.get(self.directions, ToNearest.of)(train)
        own = {f.name: getattr(self, f.name) for f in fields(Aligned)}
        return _Guided(**own, guide=guide)

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        raise InputError("aligned must be prepared with the training images or a manifold first")


@dataclass(frozen=True)
class _Guided(Aligned):
    """The objective as it is called: with the directions of each class."""

    guide: Any = None

    def prepare(self, resources: Resources) -> "Aligned":
        return self

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: Randomness) -> Loss:
        x = x.detach().requires_grad_()
        with DoubleBackward() as graph:
            logits = at_least_float32(model(x))
        c = drawn_classes(len(x), logits.shape[1], generator).to(x.device)
        with torch.no_grad():
            wanted = unit(self.guide(x.detach(), c, generator)).flatten(1)
        core = SCALARS[self.guide.scalar].core(logits, c)
        gradient = graph.gradient(core.sum(), x)
        away = 1 - (unit(gradient).flatten(1) * wanted).sum(1)
        loss = cross_entropy(logits, y)
        return Loss(loss + self.weight * away, {"cross_entropy": loss, "one_minus_cosine": away})


def drawn_classes(n: int, classes: int, generator: Randomness) -> Tensor:
    """Return a class an image, (n,), each as likely as any other."""
    drawn = (uniform(n, (1,), generator)[:, 0] * classes).long()
    return drawn.clamp(max=classes - 1)


class Guide(Protocol):
    """Directions g(x, c) (n, c, h, w) for images x and classes c (n,); scalar: whose gradient."""

    scalar: str

    def __call__(self, x: Tensor, c: Tensor, generator: Randomness) -> Tensor: ...


@dataclass(frozen=True)
class ToImages:
    """The way to one image a class, (k, c, h, w)."""

    images: Tensor
    scalar: ClassVar[str] = "logit"

    @classmethod
    def means(cls, train: Split) -> "ToImages":
        """Return the way to each class's mean image."""
        return cls(train.class_means)

    @classmethod
    def typical(cls, train: Split) -> "ToImages":
        """Return the way to each class's training image nearest its mean."""
        means = train.class_means
        best, nearest = means.clone(), torch.full((len(means),), torch.inf)
        for batch in train.batches(train.comfortable_batch):
            assert batch.y is not None
            away = (batch.x - means[batch.y]).flatten(1).norm(dim=1)
            for c in batch.y.unique().tolist():
                i = int(away.masked_fill(batch.y != c, torch.inf).argmin())
                if away[i] < nearest[c]:
                    best[c], nearest[c] = batch.x[i], away[i]
        return cls(best)

    def __call__(self, x: Tensor, c: Tensor, generator: Randomness) -> Tensor:
        return self.images.to(x)[c] - x


@dataclass(frozen=True)
class ToNearest:
    """The way to the nearest other training image of the class, among at most BANK."""

    images: Tensor  # (m, c, h, w)
    labels: Tensor  # (m,)
    scalar: ClassVar[str] = "logit"

    @classmethod
    def of(cls, train: Split) -> "ToNearest":
        """Return the way to the nearest of a class-balanced part of the training images."""
        part = train.subset(BANK)
        batch = part.read(part.rows)
        assert batch.y is not None
        return cls(batch.x, batch.y)

    def __call__(self, x: Tensor, c: Tensor, generator: Randomness) -> Tensor:
        images, labels = self.images.to(x), self.labels.to(c.device)
        flat = x.flatten(1)
        away = torch.cdist(flat, images.flatten(1))
        itself = away < SAME * flat.norm(dim=1, keepdim=True)
        away = away.masked_fill((labels[None] != c[:, None]) | itself, torch.inf)
        return images[away.argmin(1)] - x


@dataclass(frozen=True)
class ByScores:
    """s(x̃|c) − s(x̃) of a class-conditional manifold, under noise of its own each time."""

    manifold: Any
    scalar: ClassVar[str] = "log_prob"

    @classmethod
    def of(cls, manifold: Any, train: Split | None) -> "ByScores":
        """Return the score difference of a manifold, if it fits and knows these classes."""
        if not manifold.card.usable:
            raise InputError(
                f"the manifold {manifold.card.spec} passed its gates at no σ; refit it"
            )
        if train is not None and manifold.card.classes != train.classes:
            raise InputError(
                f"the manifold {manifold.card.spec} knows the classes {manifold.card.classes}, the "
                f"training images have {train.classes}; fit it on the same labelled images"
            )
        return cls(manifold)

    def __call__(self, x: Tensor, c: Tensor, generator: Randomness) -> Tensor:
        index = (uniform(len(x), (1,), generator)[:, 0].double() * 2**31).long()
        manifold, sigma = self.manifold.to(x.device), self.manifold.card.sigma
        return manifold.score(x, c, sigma, index=index) - manifold.score(
            x, None, sigma, index=index
        )
