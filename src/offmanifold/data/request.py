"""What every kind of data is asked (`Request`) and what it answers (`Found`)."""

from dataclasses import dataclass, field

import numpy as np

from offmanifold.data.types import Source


@dataclass(frozen=True)
class Request:
    """How images are wanted.

    size: (h, w) in pixels, or None for the native one. channels: 1, 3, or None for the native
    number. max_bad_share: share of unreadable images above which loading is refused.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    seed: int = 0
    max_bad_share: float = 0.05
    progress: bool = False


@dataclass(frozen=True)
class Found:
    """All images of one spec, before they are divided.

    name: short, fit for a file name. parts: (n,) of "train", "val", "test" where the data say so
    themselves, else None. skipped: one {"path", "reason"} an unreadable image. notes: on the nature
    of the data; told: what was decided about them or left out, which commands print. eps: the
    default radius of attacks, an l2 norm, where the spec has one of its own. files: whether they
    are a user's files, and not made or part of a package. whites: {bits of storage: what was taken
    for white}.
    """

    name: str
    source: Source
    classes: tuple[str, ...] | None
    parts: np.ndarray | None = None
    skipped: list[dict[str, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    eps: float | None = None
    files: bool = False
    whites: dict[int, int] = field(default_factory=dict)
