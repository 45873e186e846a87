"""A folder of images: class folders, a flat folder, or folders of splits (train/, val/, test/)."""

import os
from pathlib import Path

import numpy as np

from offmanifold._core.errors import InputError
from offmanifold.data.decode import MAX_BYTES, BadImage
from offmanifold.data.encoded import EncodedSource
from offmanifold.data.legible import readable, readable_names, some
from offmanifold.data.request import Found, Request
from offmanifold.data.shards import parquets
from offmanifold.data.splits import by_split, like_splits, one_each, split_of, taken
from offmanifold.data.walk import SUFFIXES, Walk

Labelled = dict[Path, tuple[str | None, str]]  # {image: (class, split)}


def open_folder(folder: Path, request: Request) -> Found:
    """Return the images under a folder, sorted by path.

    Each sub-folder is a class by its name, with all images below it; without sub-folders the images
    have no labels. Folders named like splits (`split_of`) are splits where training images and
    others lie side by side, or nothing else does. What was taken for what, and what is left out, is
    told.
    """
    walk = Walk(folder)
    images, parts_given, told = _images(folder, walk)
    paths = {file: readable(file.relative_to(folder).as_posix()) for file in images}
    files = sorted(images, key=lambda file: (paths[file], os.fsencode(file)))
    classes = [images[file][0] for file in files]
    names = readable_names(dict.fromkeys(c for c in classes if c is not None))
    known = {name: i for i, name in enumerate(sorted(names.values()))}
    source = EncodedSource(
        [paths[file] for file in files],
        np.array([known[names[c]] for c in classes if c is not None]) if known else None,
        lambda i: read_file(files[i]),
        request,
        readable(str(folder)),
    )
    return Found(
        name=readable(folder.resolve().name),
        source=source,
        classes=tuple(known) or None,
        parts=np.array([images[f][1] for f in files])[source.kept] if parts_given else None,
        skipped=source.skipped,
        whites=source.whites,
        told=(*told, *walk.left, *source.notes),
    )


def read_file(path: Path) -> bytes:
    """Return the content of an image file; raises BadImage for one larger than any image."""
    if path.stat().st_size > MAX_BYTES:
        raise BadImage(f"it has {path.stat().st_size:,} bytes, above {MAX_BYTES:,}")
    return path.read_bytes()


def _images(folder: Path, walk: Walk) -> tuple[Labelled, bool, list[str]]:
    """Return the images, whether they are in splits, and what is to be told."""
    loose, below, others = walk.contents(folder)
    full = {name: files for name, files in below.items() if files}
    found = by_split(full)
    if not any(split_of(n) or _classes(folder / n, full[n]) for s in found for n in found[s]):
        found = {}  # test-tube/ and train-tube/ may well be classes
    alone = found and not loose and sum(map(len, found.values())) == len(full)
    if not alone and not ("train" in found and len(found) > 1):
        if loose and not full:
            return dict.fromkeys(loose, (None, "")), False, []
        labelled = _labelled(folder, loose, below)
        return {f: (c, "") for f, c in labelled.items()}, False, _told_of_classes(folder, below)
    splits = one_each(found, readable(str(folder)))
    _refuse_mvtec(folder, splits, below)
    told = [taken(splits)]
    homes = {s: _home(folder / name, s, below[name]) for s, name in splits.items()}
    unused = [f"{n}/" for n in below if n not in splits.values()] + [f.name for f in loose] + others
    if unused:
        told.append(f"not used in {readable(str(folder))}: {some(list(map(readable, unused)))}")
    flat = [s for s, name in splits.items() if not _classes(homes[s], below[name])]
    if len(flat) < len(splits):  # Kaggle's test images have no labels
        told += [f"{readable(splits.pop(s))} has no class folders, and is left out" for s in flat]
    images: Labelled = {}
    for split, name in splits.items():
        for file in below[name]:
            label = None if split in flat else _class_of(file, homes[split])
            images[file] = (label, "test" if list(splits) == ["val"] else split)
    return images, list(splits) != ["train"], told


def _home(folder: Path, split: str, files: list[Path]) -> Path:
    """Return where the class folders of a split are: deeper in `seg_train/seg_train/`."""
    while len(inner := _classes(folder, files)) == 1:
        name = next(iter(inner))
        if name != folder.name and split_of(name) != split:
            break
        if any(file.parent == folder for file in files):
            break
        folder /= name
    return folder


def _told_of_classes(folder: Path, below: dict[str, list[Path]]) -> list[str]:
    """Say of which classes the names speak of splits, and which hold splits that are not used."""
    inner = {name: _classes(folder / name, files) for name, files in below.items()}
    like = like_splits(below)
    within = [f"{name}/{n}" for name in below for n in sorted(inner[name]) if split_of(n)]
    said = {
        "taken for classes, and not for splits": like
        * (len(like) > 1 or any(map(inner.get, like))),
        "not used as splits, being within classes": within,
    }
    return [f"{what}: {some(list(map(readable, names)))}" for what, names in said.items() if names]


def _class_of(file: Path, split: Path) -> str:
    """Return the class folder of an image in the folder of a split; raises InputError outside."""
    first, *rest = file.relative_to(split).parts
    if not rest:
        raise _outside(split, [file])
    return first


def _classes(split: Path, files: list[Path]) -> set[str]:
    return {p[0] for file in files if len(p := file.relative_to(split).parts) > 1}


def _outside(folder: Path, files: list[Path]) -> InputError:
    return InputError(
        f"{readable(str(folder))} holds {len(files)} image(s) outside its class folders, such as "
        f"{readable(files[0].name)}; move them into a class folder or away"
    )


def _labelled(folder: Path, loose: list[Path], below: dict[str, list[Path]]) -> dict[Path, str]:
    """Return {image: class} of class folders; raises InputError for a class without images."""
    where = readable(str(folder))
    if not loose and not below:
        raise InputError(f"{where} holds no image ({', '.join(SUFFIXES)}) and no class folder")
    for name, files in below.items():
        if not files and parquets(folder / name):
            raise InputError(
                f"{readable(str(folder / name))} holds .parquet files and no image; give that "
                "folder, or one of the files"
            )
        if not files:
            raise InputError(
                f"class folder {readable(str(folder / name))} holds no image "
                f"({', '.join(SUFFIXES)}); fill it or remove it"
            )
    if loose:
        raise _outside(folder, loose)
    if len(below) == 1 and len(_classes(folder / (name := next(iter(below))), below[name])) > 1:
        raise InputError(
            f"{where} holds one folder alone; give {readable(str(folder / name))} to load the "
            "folders therein"
        )
    return {file: name for name, files in below.items() for file in files}


def _refuse_mvtec(folder: Path, splits: dict[str, str], below: dict[str, list[Path]]) -> None:
    """Refuse, for now, train/good alone beside test/<defect>, whose masks will be read one day."""
    train, test = splits.get("train"), splits.get("test")
    if train and test and _classes(folder / train, below[train]) == {"good"}:
        raise InputError(
            f"{readable(str(folder))} is laid out like MVTec (train/good, test/<defect>), which "
            f"cannot be read yet; give {readable(str(folder / test))} to load its class folders"
        )
