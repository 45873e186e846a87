"""The floor plan: the rooms of the package in their order, and the imports between them.

`python tests/rooms.py` draws it: every room with its files and lines, the rooms it uses, and every
arrow that goes up. `python tests/rooms.py --table` prints the table that CONTRIBUTING shows.
"""

import ast
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src/offmanifold"

ROOMS = {
    "_core": "what knows no image: errors, files, locks, randomness, precision, statistics",
    "data": "`Batch`, `Split`, `Data`; a source of images a file",
    "models": "networks of our own and of others behind one contract; matching of labels",
    "gradients": "input gradients by name, and variants of them",
    "attacks": "an attack a file; the ensemble; certification by smoothing",
    "objectives": "a training objective a file",
    "training": "one loop, one recipe, any objective",
    "manifolds": "the protocols `Tangent` and `Score`; estimators, adapters, gates, halves",
    "measures": "a measure a file; controls; the probe that they look through",
    "theorems": "the theorems as executable checks, in float64",
    "audits": "an audit planned, run, saved, judged by regime and compared",
    "sweeps": "runs of many strengths and seeds; executors; what they say; the right strength",
    "synthesis": "images made with aligned gradients: one ascent, a use a file",
    "reports": "pages, tables and figures; reads only what was saved",
    "cli": "a command a file: parse, call, print",
}
"""{room: what it holds}, upstream first: a room imports from rooms above it alone."""
PLACE = {room: i for i, room in enumerate(ROOMS)}
REPORTS_READ = {"_core"}  # and the schema of any room
NAMED = re.compile(r"(?<![\w.])offmanifold\.(\w+)(?:\.(\w+))?(?![\w/-])")


def modules() -> list[Path]:
    """Return every file of every room."""
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE)


def room_of(path: Path) -> str:
    """`…/offmanifold/data/types.py` → `data`."""
    return path.relative_to(PACKAGE).parts[0]


def named_modules(source: str) -> set[str]:
    """Return what a source imports of the package, or names in a string, without `offmanifold.`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if is_ours(alias.name)}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("imports are absolute")
            if node.module == "offmanifold":
                found |= {f"offmanifold.{alias.name}" for alias in node.names}
            elif is_ours(str(node.module)):
                found.add(str(node.module))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {m.group(0) for m in NAMED.finditer(node.value) if m.group(1) in PLACE}
    if "offmanifold" in found:
        raise ValueError("the whole package is downstream of every room")
    return {name.removeprefix("offmanifold.") for name in found}


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "offmanifold"


def wrong_names(room: str, source: str) -> set[str]:
    """Return the modules that a file of this room must not import or name, but does."""
    others = {name for name in named_modules(source) if name.partition(".")[0] != room}
    if room == "reports":
        allowed = REPORTS_READ
        return {
            n for n in others if n.split(".")[0] not in allowed and n.split(".")[1:] != ["schema"]
        }
    return {name for name in others if PLACE[name.partition(".")[0]] > PLACE[room]}


def table() -> str:
    """Return the table of rooms as Markdown."""
    rows = [f"| `{room}/` | {holds} |" for room, holds in ROOMS.items()]
    return "\n".join(["| room | holds |", "| --- | --- |", *rows])


def drawing() -> str:
    """Return the house in words: a line a room, then the arrows that go up."""
    lines, wrong = [], []
    for room in ROOMS:
        files = [p for p in modules() if room_of(p) == room]
        sources = [p.read_text(encoding="utf-8") for p in files]
        uses = {n.partition(".")[0] for s in sources for n in named_modules(s)} - {room}
        length = sum(s.count("\n") for s in sources)
        arrows = " ".join(sorted(uses, key=PLACE.__getitem__)) or "nothing"
        lines.append(f"{room:<11}{len(files):>4} files{length:>7} lines  ← {arrows}")
        wrong += [
            f"UP: {path.relative_to(PACKAGE)} → {name}"
            for path, source in zip(files, sources, strict=True)
            for name in sorted(wrong_names(room, source))
        ]
    return "\n".join([*lines, *(wrong or ["no arrow goes up"])])


if __name__ == "__main__":
    print(table() if sys.argv[1:] == ["--table"] else drawing())
