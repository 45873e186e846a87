"""Jobs as tasks of a Ray cluster: many machines, no shared disk, any of which may die."""

import io
import logging
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offmanifold.errors import InputError, MissingExtra
from offmanifold.executors.base import JOB, LOG, Event, Inputs, Job, ended
from offmanifold.executors.local import command
from offmanifold.files import make_folder, write_json

REACH = 5  # seconds for a cluster to answer
LEFT = {"resume.pt"}  # files of a run that are not sent back


@dataclass(frozen=True)
class Ray:
    """One task a job: it runs the job's command in a folder of its own and returns it as bytes.

    Manifolds travel with it; the images do not: each machine needs the same files at the same
    path, or under its $OFFMANIFOLD_DATA, and offmanifold installed. A task whose machine dies is
    run again on another. address: of a running cluster (host:port, ray://host:port or auto); None
    starts one on this machine. jobs: tasks at once; None for as many as the cluster has cores.
    """

    address: str | None = None
    jobs: int | None = None

    def run(self, jobs: Sequence[Job], root: Path, inputs: Inputs) -> Iterator[Event]:
        """Yield an event as each task is handed over and ends; closed early, cancels them."""
        if not jobs:
            return
        ray = _connected(self.address)
        try:
            sent = {name: ray.put(packed(path)) for name, path in inputs.folders().items()}
            task = ray.remote(num_cpus=1, max_retries=-1)(work)
            waiting, running = list(jobs)[::-1], dict[Any, Job]()
            most = self.jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.pop()
                    running[task.remote(job.name, job.config, list(sent), *sent.values())] = job
                    yield Event(job, "started")
                for done in ray.wait(list(running), timeout=0.5)[0]:
                    yield _collected(ray, done, running.pop(done), root)
        finally:
            ray.shutdown()


def work(name: str, config: dict[str, Any], names: list[str], *folders: bytes) -> tuple[int, bytes]:
    """Run a job where this is called; return its exit code and its folder, packed."""
    with tempfile.TemporaryDirectory(prefix="offmanifold-") as place:
        here = Path(place)
        given = {}
        for folder, data in zip(names, folders, strict=True):
            given[folder] = unpack(data, here / "inputs" / folder)
        run = make_folder(here / name)
        write_json(run / JOB, config)
        with open(run / LOG, "wb") as log:
            code = subprocess.run(
                command(run / JOB, run, Inputs(**given)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ,
                check=False,
            ).returncode
        return code, packed(run)


def packed(folder: Path) -> bytes:
    """Return a folder's files as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name not in LEFT:
                tar.add(path, str(path.relative_to(folder)))
    return buffer.getvalue()


def unpack(data: bytes, folder: Path) -> Path:
    """Put the files of a tar in place of a folder, whole or not at all; nothing outside of it."""
    make_folder(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
        new, old = Path(place) / "new", Path(place) / "old"
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(new, filter="data")
        if folder.exists():
            shutil.move(folder, old)
        os.replace(new, folder)
    return folder


def _collected(ray: Any, done: Any, job: Job, root: Path) -> Event:
    try:
        code, data = ray.get(done)
    except ray.exceptions.RayError as error:
        return Event(job, "failed", f"Ray gave it up: {str(error).strip().splitlines()[-1]}")
    return ended(job, unpack(data, root / job.name), code)


def _connected(address: str | None) -> Any:
    """Return ray, connected. Raises MissingExtra, or InputError where no cluster answers."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "ray", "--executor ray") from error
    place = None if address is None else address.removeprefix("ray://")
    unreachable = InputError(
        f"no Ray cluster answers at {address}; start one there (ray start --head), or leave out "
        "--address"
    )
    if place is not None and place != "auto":
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), REACH).close()
        except (OSError, ValueError) as error:
            raise unreachable from error
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=None if address else False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise unreachable from error
    return ray
