"""Each room imports from rooms upstream of it alone; extras and output stay out of an import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import offmanifold
from offmanifold import public

PACKAGE = Path(offmanifold.__file__).parent
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")

# From upstream to downstream; rooms of one line may import from each other.
ROOMS = """
errors visible streams
faults registry locks files folders randomness freezing precision memory progress interrupts
parents runs engine loop
data
models
attacks certification
gradients perceptual
variants
objectives
executors
manifold
probe
measures
theorems
regimes
audits planning panels temperature
recipes
steps trainable suspicions
describing training
audit_identity audit_batches audit_run auditing
crediting comparing
sweeping
strengths recommending boundaries explaining summarising
synthesis
reporting
commands
cli __main__
sweep_job
job
public
"""
PLACE = {room: i for i, line in enumerate(ROOMS.strip().splitlines()) for room in line.split()}
# Reports read only what an audit saved.
ONLY = {"reporting": {"errors", "files", "visible"}}


def test_the_table_of_rooms_is_the_one_that_contributing_shows():
    text = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = text.split("| --- | --- | --- |", 1)[1].split("\n\n", 1)[0].strip().splitlines()
    quoted = [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows]
    shown = [name.rstrip("/") for names in quoted for name in " ".join(names).split()]
    there = {p.relative_to(PACKAGE).with_suffix("").parts[0] for p in MODULES}
    assert sorted(shown) == sorted(PLACE) == sorted(there)


def room_of(module: str) -> str:
    """`offmanifold.data.types` → `data`."""
    return module.split(".")[1]


def imported_rooms(source: str) -> set[str]:
    """Return the rooms that a module imports from, anywhere in its text."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "offmanifold":
                modules |= {f"offmanifold.{alias.name}" for alias in node.names}
            else:
                modules.add(str(node.module))
    assert "offmanifold" not in modules, "the whole package is downstream of every room"
    return {room_of(m) for m in modules if m.startswith("offmanifold.")}


def wrong_imports(room: str, source: str) -> set[str]:
    """Return the rooms that a module of this room must not import from, but does."""
    others = imported_rooms(source) - {room}
    if room in ONLY:
        return others - ONLY[room]
    return {other for other in others if PLACE[other] > PLACE[room]}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_room_imports_from_one_downstream(path: Path):
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    assert room in PLACE, f"{room} has no place in the table of rooms"
    assert not wrong_imports(room, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("room", "source", "wrong"),
    [
        ("data", "from offmanifold.models import x", {"models"}),
        ("data", "from offmanifold import probe, errors", {"probe"}),
        ("measures", "def f():\n    import offmanifold.auditing as a", {"auditing"}),
        ("reporting", "from offmanifold.measures import x", {"measures"}),
        ("cli", "from offmanifold.commands import x", set()),
        ("data", "import os\nfrom offmanifold.data.types import x", set()),
    ],
)
def test_the_test_sees_a_wrong_import(room: str, source: str, wrong: set[str]):
    assert wrong_imports(room, source) == wrong


def test_importing_needs_no_extra_and_prints_nothing():
    script = """
import sys
extras = "torchvision timm diffusers datasets transformers ray fastapi captum lpips"
for extra in extras.split():
    sys.modules[extra] = None
import offmanifold.public, offmanifold.commands, offmanifold.cli
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:offmanifold", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_names_of_the_package_are_the_public_ones():
    assert offmanifold.__all__ == public.__all__
    for name in (*public.__all__, "__version__"):
        assert getattr(offmanifold, name) is getattr(public, name)
    assert not hasattr(offmanifold, "no_such_name")
    listed = dir(offmanifold)
    assert {*public.__all__, "__version__"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_package_alone_does_not_wait_for_torch():
    script = "import sys, offmanifold.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0
