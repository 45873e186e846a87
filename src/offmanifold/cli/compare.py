"""`offmanifold compare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import check_suffix, make_folder, neighbour, target
from offmanifold._core.locks import LOCK, held
from offmanifold._core.log import note
from offmanifold.audits.compare import compare, save_comparison
from offmanifold.cli.base import note_accuracy_unused, print_json, print_table
from offmanifold.sweeps.find import find_audits


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


def _objective(audit: dict[str, Any]) -> str | None:
    return (audit["model"]["objective"] or {}).get("name")
