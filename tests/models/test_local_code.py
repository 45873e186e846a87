"""Code of the user's own, in folders that hold whatever they hold."""

import dataclasses
import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest

from offmanifold._core.errors import InputError
from offmanifold.models.local_code import code_of, local_code
from offmanifold.models.python_file import call_function

NET = "import layers\ndef make():\n    return layers.value()\n"


def written(folder: Path, **sources: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "net.py"


def value(number: int) -> str:
    return f"def value():\n    return {number}\n"


def test_two_files_with_a_neighbour_of_one_name_each_have_theirs(tmp_path: Path):
    a = written(tmp_path / "a", net=NET, layers=value(1))
    b = written(tmp_path / "b", net=NET, layers=value(2))
    assert [call_function(f"{path}:make")[0] for path in (a, b, a)] == [1, 2, 1]
    assert "layers" not in sys.modules
    assert local_code(a).digest() != local_code(b).digest()


@pytest.mark.parametrize(
    "make",
    [
        "def make():\n    def call():\n        import layers\n        return layers.value()\n"
        "    return call\n",
        "def make():\n    def call():\n        from layers import value\n        return value()\n"
        "    return call\n",
        "def make():\n    def call():\n        from parts import inner\n"
        "        return inner.get()\n"
        "    return call\n",
        "def make():\n    def call():\n        import parts.inner as i\n        return i.get()\n"
        "    return call\n",
        "def make():\n    import importlib\n    return importlib.import_module('layers').value\n",
        "import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\n"
        "import deeper\ndef make():\n    return deeper.value\n",
    ],
    ids=["lazy", "lazy from", "package", "dotted", "importlib", "path"],
)
def test_neighbours_reached_at_any_time_are_those_of_the_file(tmp_path: Path, make: str):
    calls = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        path = written(folder, net=make, layers=value(number))
        written(folder / "lib", deeper=value(number))
        written(folder / "parts", __init__="", inner="import layers\nget = layers.value\n")
        calls.append(call_function(f"{path}:make")[0])
    before = list(sys.path)
    assert [call() for call in calls] == [1, 2]
    assert sys.path == before
    assert not {"layers", "parts", "deeper"} & {*sys.modules}


def test_a_module_of_the_program_with_a_neighbour_s_name_stays_as_it_is(tmp_path, monkeypatch):
    own = ModuleType("layers")
    monkeypatch.setitem(sys.modules, "layers", own)
    for make in (NET, "import importlib\nlayers = importlib.import_module('layers')\n" + NET[14:]):
        path = written(tmp_path, net=make, layers=value(3))
        assert call_function(f"{path}:make")[0] == 3
        assert sys.modules["layers"] is own


@pytest.mark.parametrize("late", [False, True])
def test_an_edit_of_the_file_or_of_a_neighbour_is_seen_at_once(tmp_path: Path, late: bool):
    net = "def make():\n    import layers\n    return layers.value()\n" if late else NET
    path = written(tmp_path, net=net, layers=value(1), unused=value(1))

    def made() -> tuple[int, str]:
        found, file = call_function(f"{path}:make")
        return found, code_of(file.__name__) or ""

    first = made()
    assert made() == first
    written(tmp_path, unused=value(2))
    assert made() == first
    written(tmp_path, layers=value(2))  # of the same length, within the same second
    second = made()
    assert (first[0], second[0]) == (1, 2)
    assert first[1] != second[1]
    written(tmp_path, net=net.replace("value()", "value() * 10"))
    assert made()[0] == 20
    assert not list(tmp_path.rglob("__pycache__"))


def test_code_counts_by_content_wherever_it_lies_and_before_it_is_reached(tmp_path: Path):
    late = "def make():\n    import layers\n"
    digests = [
        local_code(written(tmp_path / place, net=late, layers=value(n))).digest()
        for place, n in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_folder_hides_no_library(tmp_path: Path, capsys):
    names = ("random", "json", "torch", "numpy", "typing", "safetensors", "offmanifold")
    bad = dict.fromkeys(names, "raise RuntimeError('hidden')\n")
    imports = "\n".join(f"import {name}" for name in names)
    net = (
        f"{imports}\nimport layers\ndef make():\n    import safetensors.torch\n    return layers\n"
    )
    path = written(tmp_path, net=net, layers="import random, torch\n", **bad)
    made, file = call_function(f"{path}:make")
    assert "offmanifold_user" in made.__name__
    assert made.torch is file.torch is sys.modules["torch"]
    assert "safetensors.py is not used for it" in " ".join(capsys.readouterr().err.split())


def test_dataclasses_and_pickles_of_a_neighbour_work(tmp_path: Path):
    layers = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int = 0\n"
    )
    net = "import layers\nfrom layers import Point\ndef make():\n    return Point(3)\n"
    points = [
        call_function(f"{written(tmp_path / n, net=net, layers=layers)}:make")[0] for n in "ab"
    ]
    for point in points:
        assert pickle.loads(pickle.dumps(point)) == point
        assert dataclasses.replace(point, x=4).x == 4
    assert type(points[0]) is not type(points[1])


def test_a_pickle_by_a_plain_name_finds_the_neighbour(tmp_path: Path):
    net = "import pickle\nfrom layers import Block\ndef make():\n    data = {data!r}\n"
    net += "    found = pickle.loads(data)\n    assert type(found) is Block\n    return found\n"
    data = b"\x80\x04clayers\nBlock\n)\x81."
    path = written(tmp_path, net=net.replace("{data!r}", repr(data)), layers="class Block: pass\n")
    assert type(call_function(f"{path}:make")[0]).__name__ == "Block"


def test_what_fails_leaves_nothing_and_can_be_mended(tmp_path: Path):
    path = written(tmp_path, net=NET, layers="import missing_neighbour\n")
    before, finders = {*sys.modules}, list(sys.meta_path)
    with pytest.raises(InputError, match="missing_neighbour"):
        call_function(f"{path}:make")
    assert {m for m in {*sys.modules} - before if "user" in m} == set()
    assert sys.meta_path == finders
    written(tmp_path, layers=value(1))
    assert call_function(f"{path}:make")[0] == 1


@pytest.mark.parametrize("name", ["torch", "random", "json"])
def test_a_file_may_be_called_as_a_library_is(tmp_path: Path, name: str):
    path = tmp_path / f"{name}.py"
    path.write_text(f"import {name}, layers\ndef make():\n    return {name}, layers.value()\n")
    written(tmp_path, layers=value(6))
    made, file = call_function(f"{path}:make")
    assert made == (sys.modules[name], 6)
    assert file is not sys.modules[name]


def test_names_that_are_no_identifiers(tmp_path: Path):
    path = tmp_path / "my-net.v2.py"
    path.write_text(NET)
    written(tmp_path, layers=value(5))
    assert call_function(f"{path}:make")[0] == 5
