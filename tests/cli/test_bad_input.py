"""Bad input gets one clear sentence and exit code 2, and leaves nothing half written."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from offmanifold._core.files import read_json, write_json
from saying import says

TRAIN = [sys.executable, "-c", "from offmanifold.cli.main import entry; entry()", "train"]
TRAIN += ["--data", "digits", "--epochs", "40", "--out", "run"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


CASES = {
    "unknown command": (["trian"], ["trian", '"train"']),
    "unknown data": (["train", "--data", "digts"], ["digts", "digits"]),
    "missing path": (["train", "--data", "nowhere/images"], ["nowhere/images"]),
    "unknown model": (["train", "--data", "digits", "--model", "smal-resnet"], ["small-resnet"]),
    "unknown run": (["audit", "runs/standart", "--data", "digits"], ["standart", "standard"]),
    "unknown manifold": (
        ["audit", "runs/standard", "--data", "digits", "--manifold", "runs/manifld"],
        ["manifld", "manifold"],
    ),
    "unknown gradient": (
        ["audit", "runs/standard", "--data", "digits", "--gradient", "logprob"],
        ["logprob", "log_prob"],
    ),
    "unknown measure": (
        ["audit", "runs/standard", "--data", "digits", "--only", "accuracy.claen"],
        ["accuracy.claen", "accuracy.clean"],
    ),
    "size unlike the model's": (
        ["audit", "runs/standard", "--data", "distractor:digits", "--manifold", "runs/manifold"],
        ["manifold", "refit"],
    ),
    "strength zero": (["train", "--data", "digits", "pgd", "--eps", "0"], ["eps"]),
    "no epochs": (["train", "--data", "digits", "--epochs", "0"], ["epochs"]),
    "negative limit": (
        ["audit", "runs/standard", "--data", "digits", "--limit", "0"],
        ["--limit"],
    ),
    "negative radius": (
        ["audit", "runs/standard", "--data", "digits", "--manifold", "none", "--eps", "-1"],
        ["--eps"],
    ),
    "unknown reference": (
        ["audit", "runs/standard", "--data", "digits", "--manifold", "none", "--reference", "x"],
        ["--reference", "standard"],
    ),
    "no audit to compare": (["compare", "runs/manifold"], ["no audit"]),
    "unknown device": (["train", "--data", "digits", "--device", "abacus"], ["abacus"]),
    "out is a file": (
        ["train", "--data", "digits", "--out", "runs/standard/config.json"],
        ["--out"],
    ),
    "out holds another run": (
        ["train", "--data", "digits", "--epochs", "7", "--out", "runs/standard"],
        ["another run", "--out"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_clear_sentence(here, offmanifold, case):
    argv, words = CASES[case]
    before = {p for p in Path().rglob("*") if p.is_file()}
    says(offmanifold(*argv), 2, *words)
    assert {p for p in Path().rglob("*") if p.is_file()} == before


def test_arrays_out_of_range(here, offmanifold, tmp_path):
    x = np.full((30, 8, 8), 7.5, np.float32)
    y = np.arange(30) % 2
    np.savez(tmp_path / "bad.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    says(offmanifold("train", "--data", tmp_path / "bad.npz"), 2, "7.5", "[0, 1]")


def test_a_flag_that_does_not_exist_is_bad_input(offmanifold):
    assert offmanifold("train", "--epoch", "3")[0] == 2


def test_a_bug_is_one_sentence_with_the_traceback_in_a_log(here, offmanifold, monkeypatch):
    from offmanifold.cli.info import Info

    def broken(self):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Info, "run", broken)
    code, _, err = offmanifold("info")
    assert code == 1
    assert "oops" in err
    log = Path(err.split("traceback: ")[1].strip().rstrip(")"))
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


def test_no_coach_is_judge(here, offmanifold):
    import shutil

    shutil.copytree("runs/standard", "runs/coached")
    config = read_json(Path("runs/coached/config.json"))
    card = read_json(Path("runs/manifold/metrics.json"))["card"]
    write_json(Path("runs/coached/config.json"), {**config, "manifold": card["hash"]})
    argv = ["audit", "runs/coached", "--data", "digits", "--manifold", "runs/manifold"]
    try:
        says(offmanifold(*argv), 2, "trained with this very manifold", "--allow-dependent")
        code, (audit,), _ = offmanifold(*argv, "--allow-dependent", "--limit", "20", "--json")
        assert code == 0
        assert audit["manifold"]["independent"] is False
    finally:
        shutil.rmtree("runs/coached")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> bytes:
    """The weights of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run(TRAIN, cwd=folder, check=True, capture_output=True, env=ONE_THREAD)
    return (folder / "run/model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("wait", [0.0, 2.0, 4.0])
def test_stopped_in_the_middle_the_same_command_ends_the_same(tmp_path, uninterrupted, sent, wait):
    process = subprocess.Popen(TRAIN, cwd=tmp_path, stderr=subprocess.PIPE, env=ONE_THREAD)
    deadline = time.time() + 60
    while not (tmp_path / "run/config.json").exists() and time.time() < deadline:
        time.sleep(0.05)
    time.sleep(wait)
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    if process.returncode != 0:  # not finished before the signal came
        assert process.returncode == (130 if sent == signal.SIGINT else -9), err
        assert not (tmp_path / "run/metrics.json").exists()
    subprocess.run(TRAIN, cwd=tmp_path, check=True, capture_output=True, env=ONE_THREAD)
    assert (tmp_path / "run/model.safetensors").read_bytes() == uninterrupted
    assert not (tmp_path / "run/resume.pt").exists()


def test_a_full_disk_is_said_in_a_sentence(here, offmanifold, monkeypatch, tmp_path):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("offmanifold._core.files.os.fsync", full)
    code, _, err = offmanifold(
        "train", "--data", "digits", "--epochs", "1", "--out", tmp_path / "run"
    )
    assert code == 1
    assert "no space left" in err.strip().splitlines()[-1]
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
