"""A process ends with the one that started it, during its imports too."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import os, subprocess, sys, time
line = [sys.executable, "-c", sys.argv[1], str(os.getpid())]
child = subprocess.Popen(line, start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
CHILD = """
import sys, time
from offmanifold._core.parents import end_with
end_with(int(sys.argv[1]))
time.sleep(60)
"""


def gone(pid: int, within: float) -> bool:
    """Whether a process ends; one that nobody asks for may lie there as a zombie."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("platform", ["linux", "other"])
def test_it_ends_when_its_parent_is_killed(platform: str):
    child = f"import sys; sys.platform = '{platform}'\n{CHILD}"
    line = [sys.executable, "-c", PARENT, child]
    parent = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.7)
    assert not gone(pid, 0.1)
    parent.kill()
    parent.communicate()
    assert gone(pid, 5)


def test_a_parent_that_is_gone_already_is_said():
    line = [sys.executable, "-c", CHILD, "1"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "process 1, which started this one, is gone" in done.stderr


def test_a_job_looks_for_its_parent_before_it_imports_anything_large():
    code = "import sys, offmanifold.sweeps.job\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
    line = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "offmanifold.sweeps.job",
        "--parent",
        "1",
        "a",
        "b",
    ]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "which started this one, is gone" in done.stderr
    assert "torch" not in done.stderr
