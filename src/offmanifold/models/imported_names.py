"""The files that a source imports, wherever in its text: what it will read when it is called."""

import ast
from collections.abc import Callable, Sequence
from pathlib import Path


def imported_files(
    path: Path, folders: Sequence[str], is_local: Callable[[str], bool]
) -> list[str]:
    """Return the files of the local modules that a Python source names in its imports.

    folders: where top-level modules are looked for. is_local: of a top-level name. Other files, and
    sources that cannot be parsed, name none.
    """
    if path.suffix != ".py":
        return []
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if is_local(one.name.partition(".")[0]):
                    found += _files(folders, one.name)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if not node.level and not is_local(module.partition(".")[0]):
                continue
            roots = folders if not node.level else [str(path.parents[node.level - 1])]
            for one in node.names:
                found += _files(roots, f"{module}.{one.name}".strip("."))
    return found


def _files(roots: Sequence[str], name: str) -> list[str]:
    """Return the files of a module and of the packages that hold it, as far as they are there."""
    for root in roots:
        found, place = [], Path(root)
        for part in name.split("."):
            here = [place / f"{part}.py", place / part / "__init__.py"]
            found += [str(file) for file in here if file.is_file()]
            place /= part
        if found:
            return found
    return []
