"""The command line beside other programs of a shell."""

import os
import subprocess
import sys

import pytest

ENTRY = [sys.executable, "-c", "from offmanifold.cli import entry; entry()"]


@pytest.mark.parametrize("line", [["--version"], ["info"], ["recommend", "--help"]])
def test_a_reader_that_is_gone_is_no_bug(line):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*ENTRY, *line], stdout=write, stderr=subprocess.PIPE, timeout=120)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 1
