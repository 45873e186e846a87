"""`offmanifold compare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold.audits import Audit, read_audit
from offmanifold.commands.base import print_json, print_table
from offmanifold.comparing import compare, save_comparison
from offmanifold.errors import InputError
from offmanifold.models import find_run
from offmanifold.progress import note


@dataclass(frozen=True)
class Compare:
    """Compare audits of the same images, image by image.

    Attributes:
        audits: folders of audits, or of runs (their newest audit is taken).
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
        from offmanifold.reporting import report, table

        found = [find_audit(path) for path in self.audits]
        comparison = compare(
            found, reference=self.reference, reference_accuracy=self.reference_accuracy
        )
        save_comparison(comparison, self.out)
        if self.json:
            print_json(comparison)
        else:
            print_table(*table(self.out, self.language))
        page = report(self.out, self.out.with_suffix(".html"), self.language)
        note(f"comparison in {self.out}, page: {page}")


def find_audit(path: Path) -> Audit:
    """Return the audit in a folder, or the newest one below a run, found as `find_run` does."""
    if (path / "audit.json").is_file():
        return read_audit(path)
    if not path.is_dir():
        path = find_run(str(path)).folder
    found = sorted(path.glob("audits/*/audit.json"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise InputError(f"there is no audit in {path}; make one with offmanifold audit")
    return read_audit(found[-1].parent)
