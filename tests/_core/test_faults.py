import importlib.util
import json
import re
from pathlib import Path

import pytest
import torch

from offmanifold._core.faults import of_user, place_of, told
from offmanifold.cli.main import guarded
from offmanifold.models.python_file import call_function


def imported(path: Path, text: str):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def raised(function, *given) -> BaseException:
    try:
        function(*given)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_deepest_line_of_the_user_s_own_is_named(tmp_path: Path):
    mine = imported(
        tmp_path / "mine.py",
        "import json, torch\n\n\ndef deep(x):\n    return json.loads(x)\n\n\n"
        "def outer(x):\n    return deep(x)\n\n\ndef shapes(x):\n    return x @ x\n",
    )
    error = raised(mine.outer, "{")
    assert place_of(error) == f"{tmp_path / 'mine.py'}:5"
    assert told(error) == f"{type(error).__name__}: {error}, at {tmp_path / 'mine.py'}:5"
    assert place_of(raised(mine.shapes, torch.ones(2, 3))) == f"{tmp_path / 'mine.py'}:13"
    chained = RuntimeError("compiled")
    chained.__cause__ = error
    assert place_of(chained) == f"{tmp_path / 'mine.py'}:5"


def test_what_is_not_the_user_s_has_no_place():
    error = raised(json.loads, "{")
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # this very file's
    assert place_of(error) is None
    assert not of_user(guarded.__code__)
    assert not of_user(json.loads.__code__)
    assert not of_user(torch.nn.Linear.forward.__code__)
    assert not of_user(compile("1", "<string>", "eval"))


def test_a_fault_of_the_user_s_is_one_sentence_and_no_bug(tmp_path: Path, capsys):
    mine = imported(tmp_path / "mine.py", "def run():\n    return {}['logits']\n")
    assert guarded(mine.run) == 1  # of nobody's who was asked for: a bug
    assert capsys.readouterr().err.startswith("bug: ")
    (tmp_path / "net.py").write_text("import mine\ndef run():\n    return mine.run()\n")
    assert guarded(lambda: call_function(f"{tmp_path}/net.py:run")) == 2
    capsys.readouterr()
    assert guarded(mine.run) == 2  # beside a FILE.py
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    where = re.escape(str(tmp_path / "mine.py"))
    assert re.match(rf"error: KeyError: 'logits', at {where}:2; mend it there", said)


LATE = """
import torch
from torch import nn

class Late(nn.Module):
    classes = [str(i) for i in range(10)]

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(256, 10)

    def forward(self, x):
        if len(x) > 40:
            return self.linear(x.flatten(1))["logits"]
        return self.linear(x.flatten(1))

def make():
    return Late()
"""


@pytest.mark.parametrize(
    "line",
    [
        ("audit", "late.py:make", "--manifold", "none", "--only", "accuracy.clean"),
        ("train", "--model", "late.py:make", "--epochs", "1", "--out", "r"),
    ],
)
def test_a_model_that_fails_in_the_middle_is_told_where(
    line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offmanifold
):
    monkeypatch.chdir(tmp_path)
    Path("late.py").write_text(LATE)
    code, _, err = offmanifold(*line, "--data", "digits")
    assert code == 2
    assert "bug" not in err
    assert re.search(r"error: .*late\.py:14; mend it there", err)
