"""A folder of images: class folders, a flat folder, or train/ val/ test/ of class folders."""

import os
from pathlib import Path

import numpy as np

from offmanifold.data.encoded import EncodedSource
from offmanifold.data.opening import Found, Request
from offmanifold.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
SPLITS = ("train", "val", "test")


def open_folder(folder: Path, request: Request) -> Found:
    """Return the images under a folder, sorted by path.

    Each sub-folder is a class by its name, with all images below it; without sub-folders the images
    have no labels. Where train/ and val/ or test/ lie side by side, they are the splits. Hidden
    files and files of other types are ignored.
    """
    if _is_mvtec(folder):
        return _open_mvtec(folder, request)
    splits = [name for name in SPLITS if (folder / name).is_dir()]
    loose, below = _contents(folder)
    if "train" in splits and len(splits) > 1:
        images = {file: (c, s) for s in splits for file, c in _labelled(folder / s).items()}
    elif loose and not any(below.values()):
        images = dict.fromkeys(loose, (None, ""))
    else:
        images = {file: (c, "") for file, c in _labelled(folder).items()}
    files = sorted(images, key=lambda file: file.relative_to(folder).as_posix())
    names = [file.relative_to(folder).as_posix() for file in files]
    classes, parts = (np.array([images[file][i] for file in files]) for i in (0, 1))
    known = None if classes[0] is None else sorted(set(classes))
    source = EncodedSource(
        names,
        None if known is None else np.searchsorted(known, classes).astype(np.int64),
        lambda i: files[i].read_bytes(),
        request,
        str(folder),
    )
    return Found(
        name=folder.resolve().name,
        source=source,
        classes=None if known is None else tuple(map(str, known)),
        parts=parts[source.kept] if parts[0] else None,
        skipped=source.skipped,
    )


def _labelled(folder: Path) -> dict[Path, str]:
    """Return {image: class} of class folders; raises InputError for a class without images."""
    loose, below = _contents(folder)
    if not loose and not below:
        raise InputError(f"{folder} holds no image ({', '.join(SUFFIXES)}) and no class folder")
    for name, files in below.items():
        if not files:
            raise InputError(
                f"class folder {folder / name} holds no image ({', '.join(SUFFIXES)}); "
                "fill it or remove it"
            )
    if loose:
        raise InputError(
            f"{folder} holds {len(loose)} image(s) outside its class folders, such as "
            f"{loose[0].name}; move them into a class folder or away"
        )
    return {file: name for name, files in below.items() for file in files}


def _contents(folder: Path) -> tuple[list[Path], dict[str, list[Path]]]:
    """Return the images in a folder itself, and those at any depth below each sub-folder."""
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise _unreadable(error) from error
    loose = sorted(entry for entry in entries if _is_image(entry) and entry.is_file())
    return loose, {entry.name: _images_below(entry) for entry in entries if entry.is_dir()}


def _images_below(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise _unreadable(error) from error

    found = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [path for name in files if _is_image(path := Path(root, name))]
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _unreadable(error: OSError) -> InputError:
    return InputError(f"cannot read folder {error.filename}: {error.strerror}")


def _is_mvtec(folder: Path) -> bool:
    """Say whether there are train/good alone, to train on, and test/, with defects."""
    train = folder / "train"
    return train.is_dir() and (folder / "test").is_dir() and list(_contents(train)[1]) == ["good"]


def _open_mvtec(folder: Path, request: Request) -> Found:
    """Refuse, for now: the place where good/defect labels and masks will be read."""
    raise InputError(
        f"{folder} is laid out like MVTec (train/good, test/<defect>), which cannot be read yet; "
        f"give {folder / 'test'} to load its class folders"
    )
