"""A user's file of code with the neighbours that it imports: modules of its own, and their hash.

Each file is imported into a package of its own, whose path is the file's folder: `import layers` in
it or in its neighbours then means `PACKAGE.layers`, whenever it is reached. Two files with a
neighbour of one name each have theirs, and a folder hides no library.
"""

import builtins
import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.faults import LOADED as PACKAGE
from offmanifold._core.faults import is_library
from offmanifold._core.files import content_hash
from offmanifold._core.log import note
from offmanifold.models.imported_names import imported_files


class LocalCode:
    """A file and its neighbours, imported; a finder of modules by their names in its package.

    file: the module. folders: of its neighbours, and what the code itself puts on the path of
    modules. read: {path: hash} of what they were read from.
    """

    def __init__(self, path: Path, package: str):
        self.path, self.package = path, package
        self.folders, self.read = [str(path.parent)], dict[str, str]()
        self._local, self._said = set[str](), set[str]()
        self._path_before: list[str] | None = None
        self._plain = _Plain(self)
        parent = ModuleType(package)
        parent.__path__ = self.folders
        sys.modules[package] = parent
        sys.meta_path.insert(0, self)
        importlib.invalidate_caches()
        name = f"{package}.{path.stem if path.stem.isidentifier() else 'file'}"
        loader = _Loader(name, str(path), self)
        spec = importlib.util.spec_from_file_location(name, path, loader=loader)
        assert spec is not None  # of any path with a loader
        self.file = importlib.util.module_from_spec(spec)
        sys.modules[name] = self.file  # dataclasses and pickles of the file look for it there
        try:
            with self.at_work():
                loader.exec_module(self.file)
        except BaseException:
            sys.meta_path.remove(self)
            _forget({package})
            raise

    @property
    def unchanged(self) -> bool:
        """Whether the files that were read are as they were."""
        return all(Path(p).is_file() and _hash(p) == digest for p, digest in self.read.items())

    def digest(self) -> str:
        """Return 12 hex digits over the code that was read, and what it will import later."""
        found, waiting = dict[str, str](), [*self.read]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found[path] = self.read.get(path) or _hash(path)
                waiting += imported_files(Path(path), self.folders, self.is_local)
        return content_hash(sorted([self._named(path), found[path]] for path in found))

    def _named(self, path: str) -> str:
        """Return a path as the code sees it, wherever the folder lies."""
        near = [Path(path).relative_to(f) for f in self.folders if Path(path).is_relative_to(f)]
        return str(near[0]) if near else Path(path).name

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let neighbours be found by their plain names too, as pickles and `importlib` ask.

        What the code puts on the path of modules is its own, and is taken off again.
        """
        if self._path_before is not None:
            yield
            return
        before = self._path_before = list(sys.path)
        there = {path.stem for folder in self.folders for path in Path(folder).iterdir()}
        tops = {name.partition(".")[0] for name in sys.modules}
        others = _forget({top for top in there & tops if self.is_local(top)})
        sys.meta_path.insert(0, self._plain)
        try:
            yield
        finally:
            self._look_at_path()
            sys.path[:], self._path_before = before, None
            sys.meta_path.remove(self._plain)
            _forget(self._plain.tops)
            sys.modules.update(others)

    def is_local(self, top: str) -> bool:
        """Whether a top-level name means a neighbour: libraries that are installed come first."""
        self._look_at_path()
        if top in sys.stdlib_module_names or top == "offmanifold":
            return False
        if top in self._local:
            return True
        mine = PathFinder.find_spec(f"{self.package}.{top}", self.folders)
        if mine is None:
            return False
        installed = PathFinder.find_spec(top, [p for p in sys.path if is_library(p)])
        if installed is None or installed.origin is None:
            self._local.add(top)
            return True
        if mine.origin is not None and top not in self._said:
            self._said.add(top)
            note(f"{self.path} imports {top}, which is installed: {mine.origin} is not used for it")
        return False

    def _look_at_path(self) -> None:
        if self._path_before is not None:
            new = [p for p in sys.path if p not in self._path_before and p not in self.folders]
            self.folders += [p for p in new if not is_library(p)]

    def import_(self, name: str, *rest: Any, **named: Any) -> Any:
        """Import as `builtins.__import__` does; neighbours by their names in the package."""
        named.update(zip(("globals", "locals", "fromlist", "level"), rest, strict=False))
        top = name.partition(".")[0]
        if named.get("level") or not self.is_local(top):
            return builtins.__import__(name, **named)
        if self._path_before is not None:
            importlib.import_module(name)  # pickles written in C look there for it
        whole = builtins.__import__(f"{self.package}.{name}", **named)
        return whole if named.get("fromlist") else sys.modules[f"{self.package}.{top}"]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module of the package lies."""
        if path is None or name.partition(".")[0] != self.package:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.origin is not None:
            if isinstance(spec.loader, SourceFileLoader):
                spec.loader = _Loader(name, spec.origin, self)
            else:
                self.read[spec.origin] = _hash(spec.origin)
        return spec


class _Loader(SourceFileLoader):
    """Reads a module of local code: from its source, since a cache knows edits by the second."""

    def __init__(self, name: str, path: str, code: LocalCode):
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        self.code.read[self.path] = hashlib.sha256(source).hexdigest()
        return self.source_to_code(source, self.path)

    def exec_module(self, module: ModuleType) -> None:
        own = {**vars(builtins), "__import__": self.code.import_}
        module.__dict__["__builtins__"] = own  # which functions of the module look into
        super().exec_module(module)


class _Plain:
    """Finds neighbours by their plain names. tops: those at the top that were asked for."""

    def __init__(self, code: LocalCode):
        self.code, self.tops = code, set[str]()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if top.startswith(PACKAGE) or not self.code.is_local(top):
            return None
        self.tops.add(top)
        return importlib.util.spec_from_loader(name, _Same(f"{self.code.package}.{name}"))


class _Same(Loader):
    """Gives a module that is there under another name."""

    def __init__(self, name: str):
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


def local_code(path: Path) -> LocalCode:
    """Return a file's code, imported: as it was if nothing of it has changed, else anew.

    Raises InputError where there is no such file, and whatever the code raises.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; code of your own is FILE.py:FUNCTION")
    whole = path.resolve()
    earlier = [code for code in _all() if code.path == whole]
    same = next((code for code in earlier if code.unchanged), None)
    if same is not None:
        return same
    digits = hashlib.sha256(str(whole).encode()).hexdigest()[:12]
    number = f"_{len(earlier) + 1}" if earlier else ""  # what was made of the former lives on
    return LocalCode(whole, f"{PACKAGE}{digits}{number}")


def code_of(module: str | None) -> str | None:
    """Return the hash of the user's code that a module of this name is of; None of another."""
    package = (module or "").partition(".")[0]
    return next((code.digest() for code in _all() if code.package == package), None)


def _all() -> list[LocalCode]:
    return [finder for finder in sys.meta_path if isinstance(finder, LocalCode)]


def _forget(tops: set[str]) -> dict[str, ModuleType]:
    """Take modules of these top-level names out of the modules that are loaded, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] in tops]
    return {name: sys.modules.pop(name) for name in names}


def _hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
