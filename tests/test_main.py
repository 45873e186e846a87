"""`python -m offmanifold` in a folder that holds anything at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import offmanifold
from offmanifold.sweeps.executors import Inputs
from offmanifold.sweeps.executors.local import command

NAMES = ("random", "json", "torch", "numpy", "typing", "signal", "argparse", "tyro", "rich", "enum")
NET = """
import torch
from torch import nn
import layers, random, json

def make():
    import safetensors
    return layers.net()
"""
LAYERS = "from torch import nn\n\ndef net():\n"
LAYERS += "    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*NAMES, "safetensors", "offmanifold"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('the folder hides {name}')\n")
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "scipy").mkdir()
    return tmp_path


def run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = str(Path(offmanifold.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_model_is_audited_beside_files_named_like_libraries(folder: Path):
    (folder / "offmanifold.py").unlink()  # Python itself would take that one for us
    argv = [sys.executable, "-m", "offmanifold", "audit", "net.py:make", "--data", "digits"]
    argv += ["--manifold", "none", "--limit", "20", "--only", "accuracy.clean", "--json"]
    done = run([*argv, "--classes", "by-index"], folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["data"]["n"] == 20
    assert "hides" not in done.stderr


def test_so_is_a_job_of_a_sweep(folder: Path):
    line = command(folder / "job.json", folder / "run", Inputs())
    start = line[: line.index("--parent")]
    done = run([*start, "--help"], folder)
    assert done.returncode == 0, done.stderr
    assert "--judge" in done.stdout


def test_a_program_of_one_s_own_keeps_its_folder(tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("import offmanifold\n")
    (tmp_path / "own" / "tool.py").write_text("import sys, beside\nprint(sys.path[0])\n")
    (tmp_path / "beside.py").write_text("")
    done = run([sys.executable, "-m", "own.tool"], tmp_path)
    assert done.stdout.strip() == str(tmp_path), done.stderr
