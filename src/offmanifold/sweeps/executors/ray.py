"""Jobs as tasks of a Ray cluster: many machines, no shared disk, any of which may die."""

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from offmanifold._core.errors import InputError, MissingExtra
from offmanifold._core.files import make_folder, write_json, write_text
from offmanifold._core.folders import packed, unpack, working_folder
from offmanifold._core.interrupts import deferred_interrupt
from offmanifold.sweeps.executors.base import JOB, LOG, OUTCOME, Event, Inputs, Job, ended
from offmanifold.sweeps.executors.local import command

REACH = 12  # seconds for a port, and for the cluster behind it, to answer
RETRIES = 10  # machines that may die under one job
LEFT = ("resume.pt", ".part")  # ends of names of files that are not sent back
PATIENCE = 10  # seconds for cancelled tasks to clear up


@dataclass(frozen=True)
class Ray:
    """One task a job: it runs the job's command in a folder of its own and returns it as bytes.

    Manifolds and weights travel with it; the images do not: each machine needs the same files at
    the same path, or under its $OFFMANIFOLD_DATA, and offmanifold installed. A task whose machine
    dies is run again on another. address: of a cluster that this machine is part of (host:port or
    auto); None starts one here. jobs: tasks at once; None for one a core, or one a GPU where there
    are. Ray listens at every address of the machine, where code can be run: README.md tells how
    to close that.
    """

    address: str | None = None
    jobs: int | None = None

    def run(self, jobs: Sequence[Job], root: Path, inputs: Inputs) -> Iterator[Event]:
        """Yield an event as each task is handed over and ends; closed early, cancels them."""
        if not jobs:
            return
        ray, ours = _connected(self.address)
        waiting, running = list(jobs)[::-1], dict[Any, Job]()
        try:
            given = inputs.given()
            names = {name: path.name if path.is_file() else "" for name, path in given.items()}
            sent = [ray.put(packed(path)) for path in given.values()]
            there = ray.cluster_resources()
            gpus = there.get("GPU", 0) if jobs[0].config.get("device") in ("auto", "cuda") else 0
            task = ray.remote(num_cpus=1, num_gpus=int(gpus > 0), max_retries=RETRIES)(work)
            most = self.jobs or max(1, int(gpus or there.get("CPU", 1)))
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.pop()
                    running[task.remote(job.name, job.config, names, *sent)] = job
                    yield Event(job, "started")
                for done in ray.wait(list(running), timeout=0.5)[0]:
                    yield _collected(ray, done, running.pop(done), root)
        finally:
            for left in running:
                ray.cancel(left)
            if running:
                ray.wait(list(running), num_returns=len(running), timeout=PATIENCE)
            if ours:
                ray.shutdown()


def work(
    name: str, config: dict[str, Any], names: dict[str, str], *sent: bytes
) -> tuple[int, bytes]:
    """Run a job where this is called; return its exit code and its folder, packed.

    names: {name of an input: that of its file, "" for a folder}. sent: the inputs, packed.
    """
    with working_folder(Path(tempfile.gettempdir()) / "offmanifold-job", 0o700) as here:
        inputs = zip(names.items(), sent, strict=True)
        given = {name: unpack(data, here / "inputs" / name) / file for (name, file), data in inputs}
        run = make_folder(here / name)
        write_json(run / JOB, config)
        with open(run / LOG, "wb") as log:
            code = _carried_out(command(run / JOB, run, Inputs(**given)), log)
        return code, packed(run, without=LEFT)


def _carried_out(line: list[str], log: IO[bytes]) -> int:
    """Return the exit code of a command, which ends with this call, however that ends."""
    with deferred_interrupt() as came:  # Ray's cancel while it starts would leave it behind
        process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT)
    try:
        if came():
            raise KeyboardInterrupt
        return process.wait(timeout=1e9)  # without a timeout it would not be ended by the cancel
    finally:
        process.kill()
        process.wait()


def _collected(ray: Any, done: Any, job: Job, root: Path) -> Event:
    folder = root / job.name
    try:
        code, data = ray.get(done)
    except ray.exceptions.RayError as error:
        said = f"Ray gave it up: {str(error).strip().splitlines()[-1]}"
        end = {"state": "failed", "error": said, "digest": job.digest}
        write_json(folder / JOB, job.config)
        write_json(folder / OUTCOME, end)
        write_text(folder / LOG, f"{error}\n")
        return Event(job, "failed", said)
    return ended(job, unpack(data, folder), code)


def _connected(address: str | None) -> tuple[Any, bool]:
    """Return ray, connected, and whether by us. Raises MissingExtra, InputError without cluster."""
    with _own_signals():
        return _connection(address)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the answer to SIGTERM, which Ray replaces by its own as it is imported and connects."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _connection(address: str | None) -> tuple[Any, bool]:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "ray", "`executor` ray") from error
    if ray.is_initialized():
        return ray, False
    if address is not None and not _answers(address):
        raise InputError(
            f"no Ray cluster answers at {address}; give host:port of its head as ray start --head "
            "tells it, or leave out `address`"
        )
    try:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(address or "local", include_dashboard=None if address else False, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        where, why = address or "this machine", str(error).strip().partition("\n")[0]
        raise InputError(f"Ray cannot be used at {where}: {why}") from error
    return ray, True


def _answers(address: str) -> bool:
    """Whether a cluster is there. `ray.init` itself would wait minutes for a port of another."""
    line, (host, _, port) = ["health-check"], address.rpartition(":")
    try:
        if address != "auto":
            socket.create_connection((host, int(port)), REACH).close()
            line += ["--address", address]
        ray = [sys.executable, "-m", "ray.scripts.scripts"]
        subprocess.run(ray + line, capture_output=True, check=True, timeout=REACH)
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return True
