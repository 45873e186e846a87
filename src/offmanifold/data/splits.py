"""What folders and files of splits are called: `train`, `Valid`, `test_set`, `val2017` …"""

import re
from collections.abc import Iterable

from offmanifold._core.errors import InputError
from offmanifold.data.legible import readable

SPLITS = ("train", "val", "test")
NAMES = {
    "train": "train|training",
    "val": "val|valid|validation|validate|dev|eval|evaluation",
    "test": "test|testing",
}
WORD = "|".join(NAMES.values())
DECORATED = re.compile(rf"(.*[ _.-])?({WORD})([ _.-].*|\d+)?", re.I)
WITHIN = re.compile(rf"(?<![a-zA-Z])(?i:{WORD})(?![a-z])")
MEANING = {"train": "training", "val": "validation", "test": "test"}


def split_of(name: str) -> str | None:
    """Return train, val or test for a name that means one, in any case; else None.

    >>> split_of("Valid"), split_of("test_set"), split_of("trainer")
    ('val', 'test', None)
    """
    for split, names in NAMES.items():
        if re.fullmatch(rf"({names})[ _-]?(set|data|images|imgs|split)?", name.strip(), re.I):
            return split
    return None


def by_split(names: Iterable[str]) -> dict[str, list[str]]:
    """Return {split: the names that mean it}, in the order of `SPLITS`.

    Where none does as it stands, those with one addition to all count, if they are of train and of
    others.

    >>> by_split(["train2017", "val2017", "train2014"])
    {'train': ['train2017'], 'val': ['val2017']}
    """
    names = list(names)
    if plain := _grouped((name, split_of(name)) for name in names):
        return plain
    added: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
    for name in names:
        if found := DECORATED.fullmatch(name.strip()):
            before, word, after = (found[i] or "" for i in (1, 2, 3))
            added.setdefault((before.lower(), after.lower()), []).append((name, split_of(word)))
    whole = [g for g in map(_grouped, added.values()) if "train" in g and len(g) > 1]
    return whole[0] if len(whole) == 1 else {}


def like_splits(names: Iterable[str]) -> list[str]:
    """Return the names in which a split is named at all.

    >>> like_splits(["cats_train", "trainA", "trainer", "test pattern"])
    ['cats_train', 'trainA', 'test pattern']
    """
    return [name for name in names if WITHIN.search(name)]


def _grouped(pairs: Iterable[tuple[str, str | None]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, split in pairs:
        if split:
            found.setdefault(split, []).append(name)
    return {split: found[split] for split in SPLITS if split in found}


def one_each(found: dict[str, list[str]], where: str) -> dict[str, str]:
    """Return {split: its name}; raises InputError where several mean one."""
    for split, names in found.items():
        if len(names) > 1:
            raise InputError(
                f"{' and '.join(map(readable, names))} in {where} all mean {MEANING[split]} "
                "images; leave one of them there"
            )
    return {split: names[0] for split, names in found.items()}


def taken(found: dict[str, str]) -> str:
    """Return a sentence on what, by {split: name}, was taken for what."""
    return "taken for " + ", ".join(f"{MEANING[s]}: {readable(n)}" for s, n in found.items())
