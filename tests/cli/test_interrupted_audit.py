"""An audit by the command line, stopped by a signal, goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import offmanifold as om

pytestmark = pytest.mark.slow

NET = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 16, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(64, 10))
"""
AUDIT = [
    *(sys.executable, "-m", "offmanifold", "audit", "net.py:make", "--data", "digits"),
    *("--manifold", "none", "--classes", "by-index", "--limit", "150", "--certify", "0.1"),
    *("--only", "accuracy.clean", "accuracy.pgd_l2", "robustness.certified_radius"),
]


def start(*more: str) -> subprocess.Popen:
    path = str(Path(om.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*AUDIT, *more], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(*more: str) -> str:
    process = start(*more)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return " ".join(err.split())


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_it_goes_on_and_equals_a_whole_one(tmp_path: Path, monkeypatch, signum):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    process = start("--out", "stopped")
    deadline = time.monotonic() + 200
    while not list(Path("stopped").glob("batches/*.safetensors")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)  # within the next batch
    asked = time.monotonic()
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    if signum == signal.SIGINT:
        assert process.returncode == 130
        assert "stopping: saving what is done" in err
        assert time.monotonic() - asked < 3
        assert om.read_audit(Path("stopped")).json["data"]["n"] in (50, 100)
    assert "goes on after the " in finished("--out", "stopped")
    finished("--out", "whole")
    one, other = (om.read_audit(Path(name)) for name in ("stopped", "whole"))
    for audit in (one, other):
        del audit.json["settings"]["seconds"]
    assert json.dumps(one.json) == json.dumps(other.json)
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name])
    pictures = [Path(name, "panels.safetensors").read_bytes() for name in ("stopped", "whole")]
    assert pictures[0] == pictures[1]
    assert not Path("stopped/batches").exists()
    assert "found again in stopped, nothing measured" in finished("--out", "stopped")
