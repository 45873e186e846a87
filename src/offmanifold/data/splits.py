"""What folders and files of splits are called: `train`, `Valid`, `testing`, `test_set` …"""

import re
from collections.abc import Iterable

from offmanifold.data.readable import readable
from offmanifold.errors import InputError

SPLITS = ("train", "val", "test")
NAMES = {
    "train": "train|training",
    "val": "val|valid|validation|validate|dev|eval|evaluation",
    "test": "test|testing",
}
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
    """Return {split: the names that mean it}, in the order of `SPLITS`."""
    found: dict[str, list[str]] = {}
    for name in names:
        if split := split_of(name):
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
