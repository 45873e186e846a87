"""Where results lie: `runs/<name>-<hash>`, the hash made of all that changes the numbers."""

import contextlib
import json
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from offmanifold._core.errors import InputError
from offmanifold._core.files import (
    clear,
    content_hash,
    make_folder,
    read_json,
    short,
    target,
    write_json,
)
from offmanifold._core.locks import held
from offmanifold._core.version import package_version

ROOT = Path("runs")
FORMAT = 2  # of identities: raised when the same config would give other numbers


def identity(config: dict[str, Any]) -> str:
    """Return the 12 hex digits that name a config: equal configs give equal numbers."""
    return content_hash(dated(config))


def dated(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with the format of identities, as it is saved and compared."""
    return {"format": FORMAT, **config}


def run_folder(name: str, config: dict[str, Any], out: Path | None = None) -> Path:
    """Return (and make) `out`, or `runs/<name>-<hash>`."""
    if out is None:
        return make_folder(ROOT / f"{short(name)}-{identity(config)}")
    return make_folder(target(out))


@contextlib.contextmanager
def claim(folder: Path, config: dict[str, Any]) -> Iterator[bool]:
    """Hold a folder for a run of this config; yields whether that run is finished already.

    Raises InputError where the folder holds a run, finished or not, of another config, or where
    another process writes there.
    """
    if _is_finished(folder, config):  # to be read only
        yield True
        return
    with held(folder):
        done = _is_finished(folder, config)
        if not done:
            clear(folder)
            write_json(folder / "config.json", dated(config), sealed=True)
        yield done


def _is_finished(folder: Path, config: dict[str, Any]) -> bool:
    saved = folder / "config.json"
    try:
        other = saved.exists() and read_json(saved) != json.loads(json.dumps(dated(config)))
    except InputError as error:
        raise InputError(
            f"{error}: it is damaged; remove {folder}, or choose another folder with `out`"
        ) from error
    if other:
        raise InputError(f"{folder} holds another run; choose another folder with `out`")
    return (folder / "metrics.json").exists()


def finish(folder: Path, started: float, metrics: dict[str, Any], **facts: Any) -> None:
    """Save how a run went; metrics.json is last, since its presence says that all is there.

    facts: what else goes into provenance.json.
    """
    write_provenance(folder, started, **facts)
    write_json(folder / "metrics.json", metrics, sealed=True)
    (folder / "resume.pt").unlink(missing_ok=True)


def begun(name: str, config: dict[str, Any], out: Path | None = None) -> bool:
    """Return whether a run in the precision of this config lies where a run of it would."""
    saved = (out or ROOT / f"{name}-{identity(config)}") / "config.json"
    there = read_json(saved) if saved.is_file() else None
    return isinstance(there, dict) and there.get("precision") == config["precision"]


def write_provenance(folder: Path, started: float, **facts: Any) -> None:
    """Save what does not change the numbers: versions, machine, the time it took."""
    write_json(
        folder / "provenance.json",
        {
            "offmanifold": package_version(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "seconds": round(time.time() - started, 1),
            **facts,
        },
    )
