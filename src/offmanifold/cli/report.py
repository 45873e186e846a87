"""`offmanifold report`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import FIGURES, PAGES, check_suffix
from offmanifold._core.log import note
from offmanifold.sweeps.find import check_there, find_audit
from offmanifold.sweeps.runs import SHARED
from offmanifold.sweeps.sweep import SUMMARY, save_summary


@dataclass(frozen=True)
class ReportCommand:
    """Write one self-contained page of audits, of a comparison, or of a sweep.

    Attributes:
        audits: folders of audits or runs, one compare.json, or the folder of one sweep.
        out: the file to write; of a sweep also a .png, .svg or .pdf, which is its figure alone.
        language: of the page.
    """

    audits: Annotated[tuple[Path, ...], tyro.conf.Positional]
    out: Path = Path("report.html")
    language: Literal["en", "ja"] = "en"

    def run(self) -> None:
        """Write the page and say where."""
        from offmanifold.reports import report

        if not self.audits:
            raise InputError("nothing to report; give audits, a compare.json or a sweep")
        check_there(self.audits)
        check_suffix(self.out, [*PAGES, *FIGURES], "a report")
        if len(self.audits) == 1 and (self.audits[0] / SHARED).is_file():
            self._sweep(self.audits[0])
            return
        if sweeps := [path for path in self.audits if (path / SHARED).is_file()]:
            raise InputError(f"a sweep is reported alone, one at a time; give {sweeps[0]} alone")
        is_file = len(self.audits) == 1 and self.audits[0].suffix == ".json"
        what = self.audits[0] if is_file else [find_audit(path) for path in self.audits]
        if self.out.suffix in FIGURES:
            raise InputError(f"{self.out} is a figure, which a sweep alone has; give a sweep")
        note(f"page: {report(what, self.out, self.language)}")

    def _sweep(self, folder: Path) -> None:
        from offmanifold.reports import draw_sweep, sweep_page

        summary = save_summary(folder)
        if self.out.suffix in FIGURES:
            note(f"figure: {draw_sweep(summary, self.out, self.language)}")
        else:
            note(f"page: {sweep_page(folder / SUMMARY, self.out, self.language)}")
