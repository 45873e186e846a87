"""`offmanifold compare`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import check_suffix, make_folder, neighbour, target
from offmanifold._core.locks import LOCK, held
from offmanifold._core.progress import note
from offmanifold.audits.compare import compare, save_comparison
from offmanifold.audits.store import Audit, of_variant, read_audit
from offmanifold.cli.base import note_accuracy_unused, print_json, print_table
from offmanifold.models import find_run
from offmanifold.sweeps.runs import SHARED, read_sweep


@dataclass(frozen=True)
class Compare:
    """Compare audits of the same images, image by image.

    Attributes:
        audits: folders of audits, of runs (their newest audit is taken), or of sweeps; what among
            several has no audit yet is left out.
        reference: label of the standard model, for the regimes; by default the only erm run.
        reference_accuracy: accuracy of a standard model that is not among them.
        out: the file to write; its page is written beside it.
        language: of the page and the table.
        json: print the comparison as JSON on stdout.
    """

    audits: Annotated[tuple[Path, ...], tyro.conf.Positional]
    reference: str | None = None
    reference_accuracy: float | None = None
    out: Path = Path("runs/compare.json")
    language: Literal["en", "ja"] = "en"
    json: bool = False

    def run(self) -> None:
        """Compare, save, and print the table."""
        from offmanifold.reports import report, table, uncredited

        if not self.audits:
            raise InputError("nothing to compare; give audits, runs or a sweep")
        check_suffix(self.out, (".json",), "a comparison")
        found = find_audits(self.audits)
        comparison = compare(
            found, reference=self.reference, reference_accuracy=self.reference_accuracy
        )
        out = target(self.out)
        make_folder(out.parent)
        with held(out, neighbour(out, LOCK)):
            save_comparison(comparison, out)
            page = report(out, self.out.with_suffix(".html"), self.language)
        standard = [a["label"] for a in comparison["audits"] if _objective(a) == "erm"]
        chosen = comparison["reference"] or self.reference_accuracy
        if chosen is None and len(standard) > 1:
            note(
                f"{len(standard)} standard models ({', '.join(standard)}): regimes have no "
                f"reference; choose one, such as --reference {standard[0]}"
            )
        note_accuracy_unused(comparison["reference"], self.reference_accuracy)
        if self.json:
            print_json(comparison)
        else:
            print_table(*table(out, self.language))
        for said in uncredited(comparison["credit"], self.language):
            note(said)
        note(f"comparison in {self.out}, page: {page}")


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


def _objective(audit: dict[str, Any]) -> str | None:
    return (audit["model"]["objective"] or {}).get("name")


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
