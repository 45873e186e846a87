"""The command line beside other programs of a shell."""

import errno
import os
import subprocess
import sys

import pytest

from offmanifold.cli import COMMANDS
from offmanifold.cli.main import guarded, main

ENTRY = [sys.executable, "-c", "from offmanifold.cli.main import entry; entry()"]


@pytest.mark.parametrize("line", [["--version"], ["info"], ["recommend", "--help"]])
def test_a_reader_that_is_gone_is_no_bug(line):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*ENTRY, *line], stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_the_first_sentence_of_each(name):
    doc = " ".join((COMMANDS[name].load().__doc__ or "").split())
    assert COMMANDS[name].summary == doc.partition(". ")[0].rstrip(".") + "."


WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "tyro", "numpy"):
            raise AssertionError(f"{name} is imported")

sys.meta_path.insert(0, Refuse())
import offmanifold
from offmanifold.cli.main import entry
entry()
"""


@pytest.mark.parametrize("line", [[], ["--help"], ["--version"], ["adit"]])
def test_what_needs_no_command_imports_none(line):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *line], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (2 if line == ["adit"] else 0), done.stderr
    said = done.stdout + done.stderr
    assert ("audit" in said) != (line == ["--version"])
    if not line or line == ["--help"]:
        assert all(f"  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["audit", "m", "--limt", "3"], ["--limt", "--limit", "offmanifold audit --help"]),
        (["train", "--epoch", "3"], ["--epoch", "--epochs", "offmanifold train --help"]),
        (["train", "pdg"], ["pdg", "pgd", "offmanifold train --help"]),
    ],
)
def test_a_mistyped_flag_is_three_lines(line, said, capsys):
    assert main(line) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == 3
    assert all(word in text for word, text in zip(said, lines, strict=True))


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_shell_is_given_what_completes_commands_and_flags(shell, capsys):
    assert main(["--tyro-print-completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in (*COMMANDS, "--image-size"))


def test_a_shell_that_cannot_be_completed_is_said(capsys):
    assert main(["--tyro-print-completion", "tcsh"]) == 2
    assert "known: bash, fish, zsh" in capsys.readouterr().err


def test_another_pipe_that_breaks_is_a_bug_and_is_said(capsys):
    def run() -> int:
        raise BrokenPipeError("a worker is gone")

    assert guarded(run) == 1
    assert "bug: BrokenPipeError: a worker is gone" in capsys.readouterr().err


INTERRUPTED = """
import os, runpy, signal, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            os.kill(os.getpid(), signal.Signals[os.environ["SENT"]])

sys.meta_path.insert(0, CtrlC())
"""
STARTS = {
    "script": "from offmanifold.cli.main import entry; entry()",
    "module": "runpy.run_module('offmanifold', run_name='__main__', alter_sys=True)",
}


@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("start", STARTS)
def test_ctrl_c_while_libraries_load_is_one_line(start, sent, code):
    line, sent = [sys.executable, "-c", INTERRUPTED + STARTS[start], "info"], {"SENT": sent}
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=120, env={**os.environ, **sent}
    )
    assert done.returncode == code
    assert done.stderr.startswith("interrupted; ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "exit", "said"),
    [
        (errno.ENAMETOOLONG, 2, "too long for this file system (xx: File name too long)"),
        (errno.EACCES, 2, "xx: Permission denied"),
        (errno.ENOSPC, 1, "no space left (xx: No space left on device)"),
        (errno.EIO, 1, "bug: OSError"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(code, exit, said, capsys):
    def run() -> int:
        raise OSError(code, os.strerror(code), "xx")

    assert guarded(run) == exit
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


LONG = "x" * 300


@pytest.mark.parametrize(
    "line",
    [
        ["train", "--data", "digits", "--out", LONG],
        ["train", "--data", LONG],
        ["train", "--data", "digits", "--model", f"runs/{LONG}"],
        ["audit", f"{LONG}.py:make", "--data", "digits"],
        ["report", LONG],
        ["fit-manifold", "--data", f"{'場' * 90}/{'x' * 5000}"],
    ],
)
def test_a_name_that_is_too_long_is_a_sentence(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(line) == 2
    err = capsys.readouterr().err
    assert "bug" not in err
    assert err.splitlines()[-1].startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_model_that_ends_the_process_is_told_where(tmp_path, capsys):
    from offmanifold.cli.main import guarded
    from offmanifold.models.python_file import call_function

    (tmp_path / "ends.py").write_text("import sys\ndef make():\n    return lambda: sys.exit(5)\n")
    ends, _ = call_function(f"{tmp_path}/ends.py:make")
    assert guarded(ends) == 2
    assert "ended the process, at " in (said := capsys.readouterr().err)
    assert "ends.py:3" in said
