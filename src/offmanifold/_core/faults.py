"""Whose fault an exception is: the place in a file of the user's own through which it came."""

import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

LOADED = "offmanifold_user_"  # how the names of modules of FILE.py begin
OURS = Path(__file__).resolve().parents[1]
_PLACES = {"stdlib", "platstdlib", "purelib", "platlib"}


def others() -> tuple[Path, ...]:
    """Return the folders of Python and of installed packages."""
    named = [sysconfig.get_paths()[name] for name in _PLACES]
    named += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(Path(name).resolve() for name in named)


def is_library(file: str | Path) -> bool:
    """Whether a path is of Python, of this package, or of what is installed beside it."""
    place = Path(file).resolve()
    return bool({"site-packages", "dist-packages"} & {*place.parts}) or any(
        place.is_relative_to(root) for root in (OURS, *others())
    )


def of_user(code: CodeType) -> bool:
    """Return whether code lies in a file that is neither ours, Python's, nor a package's."""
    file = code.co_filename
    return not file.startswith("<") and Path(file).is_file() and not is_library(file)


def asked_for(code: CodeType) -> bool:
    """Return whether code lies in a FILE.py that was loaded as a model, or beside one."""
    modules = [m for name, m in sys.modules.items() if name.startswith(LOADED)]
    files = [Path(f).resolve() for m in modules if (f := getattr(m, "__file__", None))]
    return of_user(code) and any(
        Path(code.co_filename).resolve().is_relative_to(file.parent) for file in files
    )


def place_of(error: BaseException, among: Callable[[CodeType], bool] = of_user) -> str | None:
    """Return `FILE:LINE` of the deepest frame of an exception that lies in a user's file, or None.

    What an exception was made from is searched too, as where torch.compile raises its own.
    """
    for one in _chain(error):
        found, traceback = None, one.__traceback__
        while traceback is not None:
            if among(traceback.tb_frame.f_code):
                found = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
            traceback = traceback.tb_next
        if found is not None:
            return found
    return None


def first_line(error: BaseException) -> str:
    """Return what an error of another's code says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def told(error: BaseException) -> str:
    """Return `KeyError: 'x', at FILE:LINE`, in one line."""
    place = place_of(error)
    said = first_line(error)
    name = type(error).__name__
    return (name if said == name else f"{name}: {said}") + (f", at {place}" if place else "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__
