"""Each room imports from rooms upstream of it alone; extras and output stay out of an import."""

import subprocess
import sys

import pytest

import offmanifold
import rooms
from rooms import PACKAGE, ROOMS, modules, room_of, wrong_names

CONTRIBUTING = PACKAGE.parents[1] / "CONTRIBUTING.md"


def test_the_table_of_rooms_is_the_one_that_contributing_shows():
    assert rooms.table() in CONTRIBUTING.read_text(encoding="utf-8")


def test_every_room_has_its_place_and_nothing_lies_outside():
    there = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert there == set(ROOMS)
    assert {p.name for p in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_no_room_imports_or_names_one_downstream():
    wrong = {
        str(path.relative_to(PACKAGE)): found
        for path in modules()
        if (found := wrong_names(room_of(path), path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("room", "source", "wrong"),
    [
        ("data", "from offmanifold.models import x", {"models"}),
        ("data", "from offmanifold import audits, _core", {"audits"}),
        ("measures", "def f():\n    import offmanifold.audits.run as a", {"audits.run"}),
        ("sweeps", 'run(["-m", "offmanifold.cli.main"])', {"cli.main"}),
        ("reports", "from offmanifold.measures import x", {"measures"}),
        ("reports", "from offmanifold.audits.schema import x", set()),
        ("cli", "from offmanifold.sweeps import x", set()),
        (
            "data",
            'import os\nfrom offmanifold.data.types import x\ny = "offmanifold.audit/1"',
            set(),
        ),
    ],
)
def test_the_test_sees_a_wrong_import(room: str, source: str, wrong: set[str]):
    assert wrong_names(room, source) == wrong


def test_importing_needs_no_extra_and_prints_nothing():
    script = """
import sys
extras = "torchvision timm diffusers datasets transformers ray fastapi captum lpips"
for extra in extras.split():
    sys.modules[extra] = None
import offmanifold, offmanifold.cli, offmanifold.cli.main
for name in offmanifold.__all__:
    getattr(offmanifold, name)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:offmanifold", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_names_of_the_package_are_the_public_ones():
    for name in offmanifold.__all__:
        assert getattr(offmanifold, name) is not None
    assert isinstance(offmanifold.__version__, str)
    assert not hasattr(offmanifold, "no_such_name")
    listed = dir(offmanifold)
    assert {*offmanifold.__all__, "__version__"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_package_alone_does_not_wait_for_torch():
    script = "import sys, offmanifold.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0
