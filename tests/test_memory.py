import ctypes
import subprocess
import sys

import pytest

from offmanifold.memory import freed_memory_kept

GLIBC = hasattr(ctypes.CDLL(None), "malloc_trim")
FAULTS = """
import resource, sys, torch
from contextlib import nullcontext
from offmanifold.memory import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        parts = [torch.ones(2**20) for _ in range(10)]
        del parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

with freed_memory_kept() if sys.argv[1] == "kept" else nullcontext():
    faults()
    found = faults()
    inside = resident()
print(found, inside - resident())
"""


def run(how: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, timeout=60, check=True
    )
    found, returned = done.stdout.split()
    return int(found), int(returned)


@pytest.mark.skipif(not GLIBC, reason="the C library has no mallopt")
def test_memory_is_used_again_and_given_back_afterwards():
    (usual, _), (kept, returned) = run("usual"), run("kept")
    assert kept < usual / 10
    assert returned > 30e6  # of the 40 MB freed


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with freed_memory_kept():
        pass
