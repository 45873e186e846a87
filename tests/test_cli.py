"""The command line beside other programs of a shell."""

import os
import subprocess
import sys

import pytest

from offmanifold.cli import guarded

ENTRY = [sys.executable, "-c", "from offmanifold.cli import entry; entry()"]


@pytest.mark.parametrize("line", [["--version"], ["info"], ["recommend", "--help"]])
def test_a_reader_that_is_gone_is_no_bug(line):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*ENTRY, *line], stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 1


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
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
"""
STARTS = {
    "script": "from offmanifold.cli import entry; entry()",
    "module": "runpy.run_module('offmanifold', run_name='__main__', alter_sys=True)",
}


@pytest.mark.parametrize("start", STARTS)
def test_ctrl_c_while_libraries_load_is_one_line(start):
    script = INTERRUPTED + STARTS[start]
    done = subprocess.run(
        [sys.executable, "-c", script, "info"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 130
    assert done.stderr.startswith("interrupted; ") and done.stderr.count("\n") == 1
