import ctypes
import subprocess
import sys

import pytest

from offmanifold._core.memory import freed_memory_kept

GLIBC = hasattr(ctypes.CDLL(None), "malloc_trim")
SCRIPT = """
import resource, torch
from offmanifold._core.memory import freed_memory_kept

def used_and_freed():
    for _ in range(3):
        parts = [torch.ones(2**20) for _ in range(10)]
        del parts

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before = resident()
with freed_memory_kept():
    used_and_freed()
    kept = resident() - before
print(kept, resident() - before)
"""


@pytest.mark.skipif(not GLIBC, reason="the C library has no mallopt")
def test_memory_is_used_again_and_given_back_afterwards():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    kept, left = (int(part) for part in done.stdout.split())
    assert kept > 30e6  # of the 40 MB freed
    assert left < 10e6


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())
    with freed_memory_kept():
        pass
    assert asked  # and nothing it lacks was called, or this would have raised
