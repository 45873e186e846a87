"""Processes of this machine: their share of the cores, their end with the sweep's."""

import os
import signal
import sys
from pathlib import Path

from offmanifold._core.files import write_json
from offmanifold.sweeps.executors import Inputs, Job
from offmanifold.sweeps.executors import local as module
from offmanifold.sweeps.executors.local import Local, command


def sleeper(seconds: float):
    """Replace the command of a job by one that sleeps."""
    return lambda config, folder, inputs: ["sleep", str(seconds)]


def test_the_command_names_every_folder_that_is_given():
    line = command(Path("c.json"), Path("run"), Inputs(judge=Path("j"), randomised=Path("r")))
    assert line[1:] == [
        "-P",
        "-m",
        "offmanifold.sweeps.job",
        "--parent",
        str(os.getpid()),
        "c.json",
        "run",
        "--judge",
        "j",
        "--randomised",
        "r",
    ]


def test_as_many_at_once_as_asked_and_a_silent_end_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "command", sleeper(0.3))
    events = list(Local(2).run([Job(str(i), {}) for i in range(3)], tmp_path, Inputs()))
    states = [(e.job.name, e.state) for e in events]
    assert states[:2] == [("0", "started"), ("1", "started")]
    assert sorted(states) == sorted((str(i), s) for i in range(3) for s in ("started", "failed"))
    assert "it said nothing" in (events[-1].error or "")


def test_closed_early_it_ends_its_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "command", sleeper(60))
    started = []
    begin = module._start

    def remember(*given):
        started.append(begin(*given))
        return started[-1]

    monkeypatch.setattr(module, "_start", remember)
    events = Local(1).run([Job("a", {})], tmp_path, Inputs())
    next(events)
    events.close()
    assert started[0].poll() is not None


def test_without_jobs_no_process_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_start", None)
    assert list(Local(1).run([], tmp_path, Inputs())) == []


def test_a_killed_process_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    def killed_or_not(config, folder, inputs):
        end = "os.kill(os.getpid(), signal.SIGKILL)" if folder.name == "a" else "print('over')"
        return [sys.executable, "-c", f"import os, signal; print('begun', flush=True); {end}"]

    monkeypatch.setattr(module, "command", killed_or_not)
    events = Local(1).run([Job("a", {}), Job("b", {})], tmp_path, Inputs())
    errors = [e.error for e in events if e.state == "failed"]
    assert errors == [
        f"its process ended with code -{signal.SIGKILL}: begun",
        "its process ended with code 0: over",
    ]


def test_an_outcome_of_before_is_not_taken_for_that_of_now(tmp_path, monkeypatch):
    job = Job("a", {"train": {}})
    before = {"state": "failed", "error": "of before", "digest": job.digest}
    write_json(tmp_path / "a/outcome.json", before)
    monkeypatch.setattr(module, "command", sleeper(0))
    *_, end = Local(1).run([job], tmp_path, Inputs())
    assert "it said nothing" in (end.error or "")


def test_cores_are_those_allowed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert module._cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1000")
    assert module._cores() == len(os.sched_getaffinity(0))
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= module._fitting() <= module._cores()
