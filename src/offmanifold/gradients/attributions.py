"""A user's own explanation, to be judged by all that gradients are judged by.

It is a function of a classifier, as others' explanation methods are, or maps that were made before,
one for each picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import tensors_hash
from offmanifold.models.fingerprint import code_content

NAME = "attributions"
Function = Callable[[nn.Module, Tensor, Tensor], Tensor]
Given = Function | np.ndarray | Tensor | str | Path


@dataclass(frozen=True)
class Attributions:
    """Explanations of a classifier's answers, asked for by image.

    function: (classifier, images (n, c, h, w), classes (n,)) → maps (n, c, h, w), or (n, h, w) or
    (n, 1, h, w) of all channels alike. maps: those of the pictures that are judged, in their order;
    then the controls of shuffled and label-randomised networks, which would have the same ones, are
    left out. rows: {index of an image: its place among the maps}.
    """

    function: Function | None = None
    maps: Tensor | None = None
    rows: dict[int, int] | None = None

    @classmethod
    def of(cls, given: Given) -> "Attributions":
        """Return a function, maps (N, …), or a FILE.npz with an array `attributions`, as such."""
        if isinstance(given, str | Path):
            given = _read(Path(given))
        if isinstance(given, np.ndarray | Tensor):
            return cls(maps=torch.as_tensor(given).float())
        if not callable(given):
            raise InputError(
                f"`attributions` is a function (model, x, y) → maps, an array of maps, or a "
                f"FILE.npz, not a {type(given).__name__}"
            )
        return cls(function=given)

    @property
    def content(self) -> str:
        """A hash over what they are."""
        if self.maps is not None:
            return tensors_hash({NAME: self.maps})
        return str(code_content(self.function))

    def judging(self, rows: np.ndarray) -> "Attributions":
        """Return the same for the images of these rows, all those of the part that is judged.

        Raises InputError unless there is one map for each.
        """
        if self.maps is None:
            return self
        if len(self.maps) != len(rows):
            raise InputError(
                f"`attributions` holds {len(self.maps)} maps for {len(rows)} pictures; give one "
                "for each picture of the part that is judged, in their order"
            )
        return Attributions(None, self.maps, {int(row): i for i, row in enumerate(rows)})

    def at(self, model: nn.Module, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the maps (n, c, h, w) of images; raises InputError for those of other shapes."""
        if self.function is not None:
            with torch.enable_grad():
                found = self.function(model, x.detach().clone(), y)
            found = torch.as_tensor(found).detach()
        else:
            assert self.maps is not None and self.rows is not None
            found = self.maps[[self.rows[int(i)] for i in index]]
        found = found[:, None] if found.ndim == 3 else found
        if found.ndim != 4 or found.shape[0] != len(x) or found.shape[2:] != x.shape[2:]:
            raise InputError(
                f"`attributions` are of shape {tuple(found.shape)} for images {tuple(x.shape)}; "
                "give (n, c, h, w), or (n, h, w) of all channels alike"
            )
        if found.shape[1] not in (1, x.shape[1]):
            raise InputError(f"`attributions` have {found.shape[1]} channels, images {x.shape[1]}")
        if not found.isfinite().all():
            raise InputError("`attributions` hold NaN or infinite values; mend the explanation")
        return found.expand_as(x).to(x)


def _read(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if NAME not in arrays:
                there = ", ".join(arrays.files) or "nothing"
                raise InputError(f"{path} has no array {NAME} (it has {there})")
            return arrays[NAME]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path} as .npz of plain arrays ({error})") from error
