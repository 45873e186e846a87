"""One picture in two classes, or on both sides of a split: said, since it makes numbers untrue."""

from collections.abc import Sequence

import numpy as np

from offmanifold.data.types import Source

PARTS = ("train", "val", "test")


def repeated(
    source: Source, rows: Sequence[np.ndarray], classes: tuple[str, ...] | None
) -> list[str]:
    """Return sentences on pictures of equal content, each with how many and an example.

    rows: those of train, val and test.
    """
    groups: dict[str, list[tuple[int, int]]] = {}  # (row, part) by content
    for part, own in enumerate(rows):
        for row in own.tolist():
            groups.setdefault(str(source.hashes[row]), []).append((row, part))
    several = [members for members in groups.values() if len(members) > 1]
    said, labels = [], source.labels
    if labels is not None and classes is not None:
        said += _said(
            [_apart([(r, int(labels[r])) for r, _ in m]) for m in several],
            source,
            classes,
            "in more than one class",
        )
    return said + _said(list(map(_apart, several)), source, PARTS, "on both sides of a split")


def _apart(members: list[tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return two members of different groups, or None."""
    other = next((m for m in members if m[1] != members[0][1]), None)
    return None if other is None else (members[0], other)


def _said(
    pairs: Sequence[tuple[tuple[int, int], tuple[int, int]] | None],
    source: Source,
    groups: Sequence[str],
    what: str,
) -> list[str]:
    found = [pair for pair in pairs if pair is not None]
    if not found:
        return []
    one, other = (f"{source.names[row]} ({groups[group]})" for row, group in found[0])
    many = f"{len(found)} pictures are" if len(found) > 1 else "1 picture is"
    return [f"{many} {what}, such as {one} and {other}"]
