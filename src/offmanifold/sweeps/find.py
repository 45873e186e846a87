"""The audits that paths lead to: those of audits, of runs, and of whole sweeps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from offmanifold._core.errors import InputError
from offmanifold._core.log import note
from offmanifold.audits.store import Audit, of_variant, read_audit
from offmanifold.models import find_run
from offmanifold.sweeps.runs import SHARED, read_sweep


def find_audits(paths: Sequence[Path]) -> list[Audit]:
    """Return the audits that several paths lead to; says how many are left out, and why.

    What is there but has no audit (yet) is left out: a run under way, a file beside runs. Raises
    InputError for a path that leads nowhere, or where none leads to an audit.
    """
    check_there(paths)
    found, without = [], list[tuple[Path, InputError]]()
    for path in paths:
        try:
            found += _audits(path)
        except InputError as error:
            without.append((path, error))
    if not found and len(paths) == 1:
        raise without[0][1]
    if not found:
        raise InputError(
            f"there is no audit in {', '.join(map(str, paths))}; make one with offmanifold audit"
        )
    if without:
        note(f"{len(without)} of {len(paths)} paths are left out:")
    for path, error in without:
        note(f"  {path}: {'a file, not a folder' if path.is_file() else error}")
    return _told_apart(found)


def _told_apart(audits: list[Audit]) -> list[Audit]:
    """Return audits, those of sweeps with equal labels under the names of their runs' folders."""
    labels = Counter(audit.label for audit in audits)
    found = []
    for audit in audits:
        run = None if audit.folder is None else audit.folder.resolve().parent.parent
        if run is not None and labels[audit.label] > 1 and (run.parent / SHARED).is_file():
            audit = replace(audit, json={**audit.json, "label": run.name})
        found.append(audit)
    return found


def check_there(paths: Sequence[Path]) -> None:
    """Raise InputError for a path at which nothing lies, and which names no run."""
    for path in paths:
        if path.exists():
            continue
        try:
            find_run(str(path))
        except InputError as error:
            raise InputError(f"there is nothing at {path}: {error}") from error


def _audits(path: Path) -> list[Audit]:
    """Return the audit that a path leads to, or all of a sweep; raises InputError for none."""
    if not (path / SHARED).is_file():
        return [find_audit(path)]
    runs = read_sweep(path)
    found = [run.audit for run in runs if run.audit is not None]
    if not found and all(run.collapsed for run in runs):
        raise InputError(
            f"every run of the sweep in {path} collapsed: choose smaller strengths or a lower "
            "learning rate"
        )
    if not found:
        raise InputError(f"no run of the sweep in {path} has been audited yet; run its command")
    without = Counter(run.state for run in runs if run.audit is None)
    if without:
        states = ", ".join(f"{n} {state}" for state, n in sorted(without.items()))
        note(f"{without.total()} of {len(runs)} runs of {path} are left out: {states}")
    return found


def find_audit(path: Path, data: str | None = None) -> Audit:
    """Return the audit in a folder, or the newest one below a run, found as `find_run` does.

    One of a variant of the gradient stands for the run only where there is no other. data:
    fingerprint of the images of which it is to be, if any.
    """
    if (path / "audit.json").is_file():
        return read_audit(path)
    if not path.is_dir():
        path = find_run(str(path)).folder
    found = sorted(path.glob("audits/*/audit.json"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise InputError(f"there is no audit in {path}; make one with offmanifold audit")
    audits = [read_audit(path.parent) for path in reversed(found)]
    if data is not None:
        audits = [one for one in audits if one.json["data"].get("fingerprint") == data]
        if not audits:
            raise InputError(f"there is no audit of these images in {path}")
    return next((one for one in audits if not of_variant(one)), audits[0])
