"""Which images are for training, for choosing and for judging."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import seed_of
from offmanifold.data.legible import some
from offmanifold.data.request import Found
from offmanifold.data.types import Data

SHARES = (0.70, 0.15, 0.15)  # of data without splits of their own
VAL_SHARE = 0.15  # of a given train part
PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Division:
    """Rows of train, val and test, and how they came about.

    ours: whether we divided them. alone: whether all are test images, too few to divide. notes: on
    it; told: what commands print.
    """

    rows: list[np.ndarray]
    source: str
    ours: bool = False
    alone: bool = False
    notes: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def divided(found: Found, seed: int, spec: str) -> Division:
    """Return the division of all images; raises InputError where nothing can be judged by them."""
    labels, classes = found.source.labels, found.classes
    if labels is not None and classes is not None:
        there = np.bincount(labels, minlength=len(classes))
        if np.count_nonzero(there) < 2:
            raise InputError(
                f"{spec} holds one class only ({classes[int(np.argmax(there))]}); give at least "
                "two classes, or a folder of images alone for data without labels"
            )
    division = _ours(found, seed, spec) if found.parts is None else _given(found, seed)
    if not len(division.rows[2]):
        raise InputError(f"{spec} has no test images (nor validation images); give some")
    return _with_classes_told(division, found, spec)


def check_divided(data: Data) -> None:
    """Raise InputError for images of which none are to learn from, or none to choose by."""
    if len(data.train) and len(data.val):
        return
    spec, smallest = data.info.get("spec", "this"), _smallest(data.test.labels, data.classes)
    if not len(data.train) and data.info.get("divided") is False and smallest[1] < 3:
        raise InputError(
            f'class "{smallest[0]}" of {spec} has {smallest[1]} readable image(s), too few for '
            "train, val and test; give at least 3, better 20, or remove the class"
        )
    lacks = "val" if len(data.train) else "train"
    raise InputError(
        f"{spec} has too few images ({sum(map(len, (data.train, data.val, data.test)))}): its "
        f"{lacks} part is empty; give more images"
    )


def _smallest(labels: np.ndarray | None, classes: tuple[str, ...] | None) -> tuple[str, float]:
    """Return the class of fewest images, of those that have any, and how many it has."""
    if labels is None or classes is None or not len(labels):
        return "", np.inf
    there, counts = np.unique(labels, return_counts=True)
    return classes[there[counts.argmin()]], int(counts.min())


def _ours(found: Found, seed: int, spec: str) -> Division:
    rows, labels = np.arange(len(found.source)), found.source.labels
    parts = divide(labels, rows, SHARES, seed)
    name, least = _smallest(labels, found.classes)
    if all(map(len, parts)) and least >= 3:
        return Division(parts, "divided 70/15/15", ours=True)
    few = (
        f"{spec} has too few images to divide ({len(rows)} in all"
        + (f', {least} of "{name}")' if name else ")")
        + ": all are judged, and none are there to train on or to fit a manifold on"
    )
    return Division([rows[:0], rows[:0], rows], "judged alone", alone=True, told=(few,))


def _given(found: Found, seed: int) -> Division:
    rows, labels = np.arange(len(found.source)), found.source.labels
    train, val, test = (rows[found.parts == part] for part in PARTS)
    if len(val) and len(test):
        there = "train/val/test" if len(train) else "val/test"
        return Division([train, val, test], f"{there} given")
    held_out, given = (test, "test") if len(test) else (val, "val")
    notes = () if len(test) else ("no test part: val is used as test",)
    if not len(train):
        few = "no training images: all are judged"
        return Division([train, train, held_out], f"{given} given", alone=True, told=(few,))
    train, val = divide(labels, train, (1 - VAL_SHARE, VAL_SHARE), seed)
    notes = (*notes, f"val is {VAL_SHARE:.0%} of train")
    told = () if len(val) else ("train has too few images to take validation images from",)
    return Division([train, val, held_out], f"train/{given} given", notes=notes, told=told)


def _with_classes_told(division: Division, found: Found, spec: str) -> Division:
    """Say which classes are not in each split; raises InputError for one missing from train."""
    labels, classes = found.source.labels, found.classes
    if labels is None or classes is None:
        return division
    has = {p: set(labels[rows].tolist()) for p, rows in zip(PARTS, division.rows, strict=True)}
    everywhere = set.union(*has.values())
    absent = [f'"{name}"' for i, name in enumerate(classes) if i not in everywhere]
    told = [f"no image is of class {some(absent)}"] if absent else []
    for part, own in has.items():
        missing = [f'"{classes[i]}"' for i in sorted(everywhere - own)]
        if missing and own and part == "train":
            raise InputError(
                f"class {some(missing)} of {spec} is missing from train; "
                "every class needs images there"
            )
        if missing and own:
            told.append(
                f"not in {part}: {'class' if len(missing) == 1 else 'classes'} {some(missing)}"
            )
    return replace(division, told=(*division.told, *told))


def divide(
    labels: np.ndarray | None, rows: np.ndarray, shares: Sequence[float], seed: int
) -> list[np.ndarray]:
    """Divide rows by shares (which sum to 1), stratified by label and drawn by seed.

    labels: (N,) of the whole source, or None. Returns one sorted array of rows a share.
    """
    generator = np.random.default_rng(seed_of("divide", seed))
    parts: list[list[np.ndarray]] = [[] for _ in shares]
    groups = [rows] if labels is None else [rows[labels[rows] == c] for c in np.unique(labels)]
    bounds = np.cumsum(shares)[:-1]
    for group in groups:
        shuffled = generator.permutation(group)
        cuts = np.round(bounds * len(shuffled)).astype(int)
        for part, piece in zip(parts, np.split(shuffled, cuts), strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)).astype(np.int64) for part in parts]
