"""Which `.parquet` files belong together: NAME-train.parquet, train-00000-of-00002.parquet,
train/0000.parquet …
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offmanifold._core.errors import InputError
from offmanifold.data.legible import readable, some
from offmanifold.data.splits import by_split, one_each, split_of, taken
from offmanifold.data.walk import is_skipped

NAME = re.compile(
    r"(?:(?P<set>.*?)[-_.])?(?P<split>[a-z]+)"
    r"(?:-(?P<i>\d+)-of-(?P<n>\d+)(?:-[0-9a-f]+)?)?\.parquet",
    re.IGNORECASE,
)
HUB = ("data", "default")  # folders of data set hubs


@dataclass(frozen=True)
class Tables:
    """Files of one data set: {split: files}, or {"": files} of one that is to be divided."""

    name: str
    files: dict[str, list[Path]]
    told: tuple[str, ...] = ()


def tables_of(file: Path) -> Tables:
    """Return a file with those that lie beside it and belong to it."""
    if split_of(file.absolute().parent.name):
        around = _in_folders(file.absolute().parent.parent)
        if around is not None:
            return around
    if (name := _set_of(file)) is None:
        return Tables(readable(file.stem), {"": [file]})
    return _tables(name, _of_sets(parquets(file.parent)).get(name, [file]), file.parent)


def tables_in(folder: Path) -> Tables | None:
    """Return the one data set of `.parquet` files in a folder, or in its data/; None where none is.

    They lie there side by side, or in folders of splits.

    Raises InputError where there are several.
    """
    for place in (folder, *(folder / name for name in HUB)):
        files = parquets(place)
        sets = _of_sets(files)
        whole = [name for name, own in sets.items() if len(by_split(map(_split_word, own))) > 1]
        entries = [e for e in place.iterdir() if not is_skipped(e.name)] if files else []
        if not whole and any(entry.is_dir() for entry in entries):
            continue
        names = whole or list(sets)
        if len(names) > 1 or (not names and len(files) > 1):
            raise InputError(
                f"{readable(str(place))} holds several data sets "
                f"({some([readable(f.name) for f in files])}); give one of the files"
            )
        if names:
            unused = [readable(f.name) for f in files if f not in sets[names[0]]]
            said = f"not used in {readable(str(place))}: {some(unused)}"
            return _tables(names[0], sets[names[0]], place, (said,) if unused else ())
        if files:
            return Tables(readable(files[0].stem), {"": files})
        if (found := _in_folders(place)) is not None:
            return found
    return None


def _in_folders(place: Path) -> Tables | None:
    """Return the data set whose splits are folders of shards, as of hubs' conversions."""
    try:
        own = {
            e.name: files for e in place.iterdir() if split_of(e.name) and (files := parquets(e))
        }
    except OSError:
        return None
    words = one_each(by_split(own), readable(str(place)))
    return _named("", {split: own[name] for split, name in words.items()}, place) if own else None


def _tables(name: str, own: list[Path], place: Path, told: tuple[str, ...] = ()) -> Tables:
    words = one_each(by_split(dict.fromkeys(map(_split_word, own))), readable(str(place)))
    files = {split: [f for f in own if _split_word(f) == word] for split, word in words.items()}
    return _named(name, files, place, told)


def _named(
    name: str, files: dict[str, list[Path]], place: Path, told: tuple[str, ...] = ()
) -> Tables:
    for part in files.values():
        _check_complete(part)
    home = place.resolve()
    name = readable(name or (home.parent if home.name in HUB else home).name)
    if len(files) == 1:
        return Tables(name, {"": next(iter(files.values()))}, told)
    shown = {
        split: f"{_shown(part[0], place)}{f' and {len(part) - 1} more' * (len(part) > 1)}"
        for split, part in files.items()
    }
    return Tables(name, files, (taken(shown), *told))


def _shown(file: Path, place: Path) -> str:
    return file.name if file.parent == place else f"{file.parent.name}/{file.name}"


def parquets(place: Path) -> list[Path]:
    """Return the `.parquet` files in a folder itself, by name."""
    if not place.is_dir():
        return []
    try:
        return sorted(
            p
            for p in place.iterdir()
            if p.suffix.lower() == ".parquet" and not is_skipped(p.name) and p.is_file()
        )
    except OSError:
        return []  # told where the folder itself is read


def _match(file: Path) -> re.Match[str] | None:
    found = NAME.fullmatch(file.name)
    return found if found and split_of(found["split"]) else None


def _split_word(file: Path) -> str:
    found = _match(file)
    return found["split"] if found else ""


def _set_of(file: Path) -> str | None:
    """Return the name of the data set that a file is a part of, "" without; None of any other."""
    found = _match(file)
    return None if found is None else found["set"] or ""


def _of_sets(files: Sequence[Path]) -> dict[str, list[Path]]:
    sets: dict[str, list[Path]] = {}
    for file in files:
        if (name := _set_of(file)) is not None:
            sets.setdefault(name, []).append(file)
    return sets


def _check_complete(files: list[Path]) -> None:
    """Raise InputError unless every shard of a split is there once."""
    found = [m for f in files if (m := _match(f)) is not None and m["n"]]
    there = sorted(int(m["i"]) for m in found)
    if found:
        wanted = range(int(found[0]["n"]))
    elif all(f.stem.isdecimal() for f in files):  # 0000.parquet: how many there were is not said
        there = sorted(int(f.stem) for f in files)
        wanted, found = range(there[-1] + 1), files
    else:
        return
    if there != list(wanted) or len(found) < len(files):
        lost = [str(i) for i in wanted if i not in there]
        what = f"shards {some(lost)} are missing" if lost else "some shards are there twice"
        raise InputError(
            f"{readable(str(files[0]))} is one of {len(wanted)} shards, and {what}; put all of "
            "them there, each once"
        )
