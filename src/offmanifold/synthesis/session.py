"""What all uses share: the model, its images, the manifold and the method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.progress import Bar, Unnumbered
from offmanifold._core.reasons import Reason
from offmanifold.data.types import Data
from offmanifold.manifolds import Manifold, load_manifold
from offmanifold.manifolds.resolve import MANIFOLDS, find_manifold, resolve_manifold
from offmanifold.models import Loaded
from offmanifold.models.name_match import Named
from offmanifold.synthesis.batching import comfortable
from offmanifold.synthesis.effects import check_mode
from offmanifold.synthesis.filling import passes
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.standing import standing_of, warnings_of

Shape = tuple[int, int, int]
Use = Callable[[Method, Bar], Synthesis]  # what is made by a method, of some images or classes


@dataclass(frozen=True)
class Session:
    """A model with all that making images by it needs; see `open_session`.

    shape: (c, h, w) of the model's images. classes: names of its outputs. mapping: how these were
    named, as `adapt_labels` takes it. asked: the manifold, or what names it; `manifold` is there,
    and the method settled, once `equipped`.
    """

    loaded: Loaded
    model: nn.Module
    shape: Shape
    classes: tuple[str, ...]
    data: Data | None
    method: Method
    device: torch.device
    asked: str | Manifold | None = None
    mapping: str | Path | Sequence[str] | Mapping[str, str] | None = None
    batch_size: int | None = None
    manifold: Manifold | None = None

    @cached_property
    def warnings(self) -> tuple[Reason, ...]:
        """What a user should know before trusting what is made; looked up when first asked for."""
        standing = standing_of(self.loaded, self.model, self.data)
        return warnings_of(standing, self.loaded.card.label)

    @property
    def size(self) -> int:
        """Images at a time."""
        return self.batch_size or comfortable(self.shape)

    def ways(self) -> dict[str, Method]:
        """Return the methods of which results stand beside: {column: method}."""
        method, found = self.method, {}
        if method.mode == "denoised":
            found["denoiser"] = replace(method, mode="manifold", guidance=0.0)
        if method.mode != "ascent":
            found["ascent"] = replace(method, mode="ascent")
        return found

    def beside(self, use: Use, progress: Bar) -> tuple[Synthesis, dict[str, Tensor]]:
        """Return what a use makes, and {column: images} of denoiser and classifier, each alone."""
        made = use(self.method, progress)
        pictures = {"denoiser": made.start} if self.method.mode == "manifold" else {}
        for column, method in self.ways().items():
            pictures[column] = use(method, Unnumbered(progress)).images
        return made, pictures

    def steps(self, of: Callable[[Method], int]) -> int:
        """Return the steps of a bar for a batch with all that stands beside; of: one method."""
        return sum(of(method) for method in (self.method, *self.ways().values()))

    def tried(self, y: int | None) -> int:
        """Return how many classes are tried for each image where y is asked for, or none."""
        return 1 if y is not None else min(self.method.candidates, len(self.classes))

    def passes(self, y: int | None) -> int:
        """Return the steps of a bar for a batch that is filled."""
        return self.steps(lambda method: passes(method, self.tried(y)))

    def class_of(self, name: str | int) -> int:
        """Return the output of a class by its name, else by its number; raises InputError."""
        name = str(name)
        if len(found := Named([(c,) for c in self.classes]).find(name)) == 1:
            return found[0]
        if name.isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise unknown_name(f"class ({len(self.classes)} in all)", name, self.classes[:20])

    def target_of(self, name: str | int | None) -> int | None:
        """Return the same, None where no class is asked for."""
        return None if name is None else self.class_of(name)

    def equipped(self, best: str = "denoised") -> "Session":
        """Return the same with its manifold, fitted where there is none yet, and method settled.

        best: the mode of a manifold that can draw images. Raises InputError for a manifold that
        does not fit, or cannot do what is asked for.
        """
        manifold = self._manifold()
        if isinstance(manifold, nn.Module):
            manifold.to(self.device)
        method = self.method.settled(manifold, best)
        check_mode(self.method, method.mode)
        return replace(self, manifold=manifold, method=method)

    def _manifold(self) -> Manifold | None:
        asked, shape = self.asked, self.shape
        if asked is None or asked == "none":
            return None
        if isinstance(asked, str):
            if self.data is not None:
                return resolve_manifold(asked, self.data, device=str(self.device))
            asked = load_manifold(find_manifold(asked))
        assert asked is not None
        if tuple(asked.card.shape) != shape:
            raise InputError(
                f"the manifold {asked.card.spec} was fitted on images of shape "
                f"{tuple(asked.card.shape)} and the model takes {shape}; known: "
                f"{', '.join(MANIFOLDS)}"
            )
        return asked
