"""Image files below folders: links followed, junk of systems skipped, what is left out named."""

import os
from collections import Counter
from pathlib import Path

from offmanifold._core.errors import InputError
from offmanifold.data.legible import readable, some

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
# Pictures that are not read; other files, such as tables, are nobody's loss.
OTHERS = {
    *(".avif", ".cr2", ".dcm", ".dng", ".exr", ".heic", ".heif", ".ico", ".j2k", ".jfif", ".jp2"),
    *(".jpe", ".jxl", ".nef", ".npy", ".pbm", ".pgm", ".pnm", ".ppm", ".psd", ".raw", ".svg"),
    ".tga",
}
JUNK = {  # of macOS, NAS, Windows and file systems; hidden names are skipped anyway
    *("__macosx", "@eadir", "#recycle", "@recycle", "#snapshot", "@tmp", "@sharebin"),
    *("$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db"),
    *("desktop.ini", "lost+found", "__pycache__"),
}


class Walk:
    """What lies below a folder: `left` are sentences on what is left out."""

    def __init__(self, root: Path):
        self.root = root
        self._special: list[str] = []
        self._back: list[str] = []
        self._others: Counter[str] = Counter()

    def contents(self, folder: Path) -> tuple[list[Path], dict[str, list[Path]], list[str]]:
        """Return images in a folder itself, those at any depth below each sub-folder, other files.

        Raises InputError for a folder that cannot be read.
        """
        loose, below, others = [], {}, []
        seen = {_identity(self.root), _identity(folder)}
        for entry in _entries(folder):
            if self._is_folder(entry):
                below[entry.name] = self._below(Path(entry.path), set(seen))
            elif self._is_image(entry):
                loose.append(Path(entry.path))
            else:
                others.append(entry.name)
        return loose, below, others

    @property
    def left(self) -> list[str]:
        """Sentences on what is left out."""
        kinds = ", ".join(f"{n} × {suffix}" for suffix, n in self._others.most_common(5))
        said = {
            f"left out as neither folders nor regular files: {some(self._special)}": self._special,
            f"left out as links that lead back: {some(self._back)}": self._back,
            f"left out as pictures of formats that are not read: {kinds}": self._others,
        }
        return [sentence for sentence, there in said.items() if there]

    def _below(self, folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
        """Return all images below a folder; seen: folders already read, so that links end."""
        identity = _identity(folder)
        if identity in seen:
            self._back.append(self._name(folder))
            return []
        seen.add(identity)
        found = []
        for entry in _entries(folder):
            if self._is_folder(entry):
                found += self._below(Path(entry.path), seen)
            elif self._is_image(entry):
                found.append(Path(entry.path))
        return found

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            if entry.is_dir():
                return True
            nowhere = entry.is_symlink() and not os.path.exists(entry.path)
        except OSError:  # a link to itself
            nowhere = True
        if nowhere and Path(entry.name).suffix.lower() not in SUFFIXES:
            self._special.append(self._name(Path(entry.path)))
        return False

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        suffix = Path(entry.name).suffix.lower()
        if suffix not in SUFFIXES:
            self._others.update([suffix] if suffix in OTHERS else [])
            return False
        if os.path.exists(entry.path) and not os.path.isfile(
            entry.path
        ):  # a pipe would wait for ever
            self._special.append(self._name(Path(entry.path)))
            return False
        return True  # a broken link too, which will be told among the bad images

    def _name(self, path: Path) -> str:
        return readable(path.relative_to(self.root).as_posix())


def is_skipped(name: str) -> bool:
    """Say whether a file or folder is hidden, or junk of a system."""
    return name.startswith(".") or name.lower() in JUNK


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder by name, without what is hidden or junk."""
    try:
        with os.scandir(folder) as entries:
            kept = [entry for entry in entries if not is_skipped(entry.name)]
    except OSError as error:
        raise InputError(f"cannot read folder {error.filename}: {error.strerror}") from error
    return sorted(kept, key=lambda entry: entry.name)


def _identity(folder: Path) -> tuple[int, int]:
    try:
        found = os.stat(folder)
    except OSError as error:
        raise InputError(f"cannot read folder {error.filename}: {error.strerror}") from error
    return found.st_dev, found.st_ino
