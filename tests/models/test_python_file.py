from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold.models.network import Wanted
from offmanifold.models.python_file import python_network

WANTED = Wanted(classes=None, shape=(1, 2, 2), checkpoint=None, pretrained=True)
HEAD = "from torch import nn\n"


def network(tmp_path: Path, code: str, function: str = "make"):
    (tmp_path / "mine.py").write_text(HEAD + code)
    return python_network(f"{tmp_path / 'mine.py'}:{function}", WANTED)


def test_the_function_s_module_as_it_is(tmp_path: Path):
    made = network(tmp_path, "def make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))")
    assert isinstance(made.module, nn.Module)
    assert made.module(torch.rand(2, 1, 2, 2)).shape == (2, 3)
    assert made.classes is None
    assert made.mean is None
    assert made.heads == ()


def test_names_of_the_file_and_of_the_module(tmp_path: Path):
    code = "CLASSES = ['a', 'b']\ndef make():\n    return nn.Linear(4, 2)\n"
    assert network(tmp_path, code).classes == ("a", "b")
    code += "def named():\n    m = make()\n    m.classes = ('x', 'y')\n    return m\n"
    assert network(tmp_path, code, "named").classes == ("x", "y")


def test_neighbours_can_be_imported(tmp_path: Path):
    (tmp_path / "a_neighbour.py").write_text(HEAD + "net = nn.Linear(4, 2)")
    made = network(tmp_path, "def make():\n    return net\nfrom a_neighbour import net\n")
    assert isinstance(made.module, nn.Linear)


def test_bad_files_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="there is no file"):
        python_network(f"{tmp_path}/none.py:make", WANTED)
    with pytest.raises(InputError, match=r'unknown function .*did you mean "make"'):
        network(tmp_path, "def make():\n    pass", "mak")
    with pytest.raises(InputError, match=r"returned int; it must return a torch.nn.Module"):
        network(tmp_path, "def make():\n    return 3")
    with pytest.raises(InputError, match="raised ZeroDivisionError: division by zero"):
        network(tmp_path, "def make():\n    return 1 / 0")
    with pytest.raises(InputError, match="raised SyntaxError"):
        network(tmp_path, "def make(:")
