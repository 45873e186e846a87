"""What `sweep` and `recommend` ask of audits, and what is printed of a sweep."""

from pathlib import Path
from typing import Literal

from offmanifold._core.errors import InputError
from offmanifold._core.files import inside
from offmanifold._core.log import note
from offmanifold.audits.config import AuditConfig
from offmanifold.cli.base import print_json, print_line, print_table
from offmanifold.sweeps.sweep import SUMMARY, save_summary


def audit_asked(
    limit: int | None, eps: float | None, explain: bool, split: Literal["test", "val"]
) -> AuditConfig:
    """Return what the flags of a sweep ask of audits. Raises InputError that names the flags."""
    try:
        return AuditConfig(limit=limit, eps=eps, explain=explain, split=split)
    except InputError as error:
        raise InputError(str(error).replace("`eps`", "`attack_eps`")) from None


def conclude(folder: Path, language: str, as_json: bool) -> None:
    """Summarise a sweep as it lies there, and print its tables; write its page."""
    from offmanifold.reports import (
        all_collapsed,
        method_name,
        sweep_boundaries,
        sweep_ceiling,
        sweep_page,
        sweep_tables,
    )

    summary = save_summary(folder)
    if as_json:
        print_json(summary)
    else:
        for title, table in sweep_tables(summary, language):
            print_line(title)
            print_table(*table)
    lost = all_collapsed(summary, language)
    if lost:
        note(lost)
    for method in summary["methods"] if not lost else ():
        for sentence in sweep_boundaries(method, language):
            note(f"{method_name(method)}: {sentence}")
    if ceiling := sweep_ceiling(summary, language):
        note(ceiling)
    page = inside(folder, "report.html", source=folder / SUMMARY)
    note(f"page: {sweep_page(folder / SUMMARY, page, language)}")
