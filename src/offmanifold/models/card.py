"""What is known of a model beside its weights."""

from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass(frozen=True)
class ModelCard:
    """A model's identity and how its outputs are named.

    spec: what the user named; untrained: it makes a model into which no weights were loaded.
    outputs: how many logits, None where only a forward pass would tell
    (no image shape was given). classes: output names in order, or None where nobody knows them.
    synonyms: further names of an output (ImageNet synsets beside descriptions), one tuple each.
    input_shape: (c, h, w) the model asks for; None where any will do. config: what rebuilds it
    (a run's config, or {spec, weights hash}). weights_hash: of its state dict. parameters: their
    number. manifold: hash of the manifold it was trained with, or None. objective: of a run, else
    None. code: hash of the user's code that makes it (`FILE.py:FUNCTION`), or None. name:
    that a user gave it.
    """

    spec: str
    outputs: int | None = None
    classes: tuple[str, ...] | None = None
    synonyms: tuple[tuple[str, ...], ...] | None = None
    input_shape: tuple[int, int, int] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    weights_hash: str | None = None
    parameters: int = 0
    untrained: bool = False
    manifold: str | None = None
    objective: dict[str, Any] | None = None
    licence: str | None = None
    code: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """A short name for tables and figures."""
        return self.name or self.spec.rstrip("/").split("/")[-1]


@dataclass(frozen=True)
class Loaded:
    """A classifier, images (n, c, h, w) in [0, 1] → logits (n, k ≥ 2), in eval mode; its card."""

    module: nn.Module
    card: ModelCard
