"""Jobs as processes of this machine."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from offmanifold._core.files import make_folder, write_json
from offmanifold._core.memory import available_memory
from offmanifold.sweeps.executors.base import JOB, LOG, OUTCOME, Event, Inputs, Job, ended

A_PROCESS = 2 * 2**30  # bytes that training and auditing small images take
PATIENCE = 30  # seconds for a process to save where it is


@dataclass(frozen=True)
class Local:
    """Several processes at once, which share the cores; by default as many as fit.

    processes: None for one a core (or GPU), as far as memory allows.
    """

    processes: int | None = None

    def run(self, jobs: Sequence[Job], root: Path, inputs: Inputs) -> Iterator[Event]:
        """Yield an event as each job starts and ends; closed early, processes save and stop."""
        most = min(len(jobs), self.processes or _fitting())
        waiting, running = deque(jobs), dict[subprocess.Popen[bytes], Job]()
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.popleft()
                    running[_start(job, root, inputs, most)] = job
                    yield Event(job, "started")
                for process in [p for p in running if p.poll() is not None]:
                    job = running.pop(process)
                    yield ended(job, root / job.name, process.returncode)
                time.sleep(0.1)
        finally:
            _stop(list(running))


def command(config: Path, folder: Path, inputs: Inputs) -> list[str]:
    """Return the command line of a job, the same on every machine."""
    given = [p for name, path in inputs.given().items() for p in (f"--{name}", str(path))]
    found_there = Path(__file__).parents[3] == Path.cwd()  # the package itself
    python = [sys.executable] if found_there else [sys.executable, "-P"]  # no random.py of a user
    job = ["-m", "offmanifold.sweeps.job", "--parent", str(os.getpid())]
    return [*python, *job, str(config), str(folder), *given]


def _start(job: Job, root: Path, inputs: Inputs, most: int) -> subprocess.Popen[bytes]:
    folder = make_folder(root / job.name)
    write_json(folder / JOB, job.config)
    for name in (OUTCOME, LOG):  # a log that is a link would be written through
        (folder / name).unlink(missing_ok=True)
    threads = max(1, _cores() // most)
    with open(folder / LOG, "wb") as log:
        return subprocess.Popen(
            command(folder / JOB, folder, inputs),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            start_new_session=True,  # Ctrl-C reaches it once, through `_stop`
        )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()  # SIGINT is ignored by what a script has started in the background
    until = time.time() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0.1, until - time.time()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fitting() -> int:
    if torch.cuda.is_available():
        return torch.cuda.device_count()
    free = available_memory()
    by_memory = 1 if free is None else int(free // A_PROCESS)
    return max(1, min(_cores(), by_memory))


def _cores() -> int:
    """Return the cores that this process may use, at most OMP_NUM_THREADS where that is set."""
    found = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(found, int(asked))) if asked.isdigit() else found
