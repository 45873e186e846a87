"""`offmanifold report`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold.commands.compare import find_audit
from offmanifold.errors import InputError
from offmanifold.progress import note


@dataclass(frozen=True)
class ReportCommand:
    """Write one self-contained page of audits, or of a comparison.

    Attributes:
        audits: folders of audits or runs, or one compare.json.
        out: the file to write.
        language: of the page.
    """

    audits: Annotated[tuple[Path, ...], tyro.conf.Positional]
    out: Path = Path("report.html")
    language: Literal["en", "ja"] = "en"

    def run(self) -> None:
        """Write the page and say where."""
        from offmanifold.reporting import report

        if not self.audits:
            raise InputError("nothing to report; give audits or a compare.json")
        is_file = len(self.audits) == 1 and self.audits[0].suffix == ".json"
        what = self.audits[0] if is_file else [find_audit(path) for path in self.audits]
        note(f"page: {report(what, self.out, self.language)}")
