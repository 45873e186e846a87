"""How commands print: JSON alone on stdout, tables, lines."""

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Column, Table

from offmanifold._core.log import note
from offmanifold._core.progress import console, is_main_process, shown
from offmanifold._core.streams import results
from offmanifold._core.visible import visible, visible_json


def note_accuracy_unused(standard: str | None, accuracy: float | None) -> None:
    """Say that --reference-accuracy is not used where the standard model is among the audits."""
    if standard is not None and accuracy is not None:
        note(f"--reference-accuracy is not used: {standard}, the standard model, is among them")


def print_json(value: Any) -> None:
    """Print JSON, alone on stdout."""
    if is_main_process():
        lossless = (results().encoding or "utf-8").lower().replace("-", "") == "utf8"
        text = json.dumps(value, ensure_ascii=not lossless, allow_nan=False, indent=1)
        results().write(f"{visible_json(text)}\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    out = results()
    table = Table(*(Column(shown(cell, out)) for cell in header))
    for row in rows:
        table.add_row(*(shown(cell, out) for cell in row))
    width = None if out.isatty() else 160
    console(out, width=width).print(table)


def print_line(text: str) -> None:
    """Print a line on stdout."""
    print(visible(text), file=results())
