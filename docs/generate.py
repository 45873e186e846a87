"""The reference of measures, commands and results, made from registry, parsers and results/."""

import inspect
import io
import os
import re
from contextlib import redirect_stdout, suppress
from pathlib import Path
from unittest import mock

import tyro

from offmanifold.cli import COMMANDS
from offmanifold.cli.subcommands import CONFIG
from offmanifold.manifolds import estimators
from offmanifold.measures import measures
from offmanifold.objectives import objectives

SHAPE = {"COLUMNS": "92", "NO_COLOR": "1"}
RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGES = {
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "results/README.md": "reference/results",
}
"""{file outside docs/: the page that shows it}."""


def write(folder: Path) -> None:
    """Write the pages into a folder that git does not keep."""
    folder.mkdir(exist_ok=True)
    (folder / "measures.md").write_text(measures_page(), encoding="utf-8")
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    (folder / "results.md").write_text(results_page(), encoding="utf-8")


def measures_page() -> str:
    """Return a section a measure: its title, unit, what it needs and its docstring."""
    lines = ["# Measures one by one", ""]
    for name, kind in measures.items():
        measure = kind()
        needs = ", ".join(sorted(measure.needs)) or "nothing beyond the classifier and images"
        lines += [
            f"## {name}",
            "",
            f"*{measure.title}.* Unit: {measure.unit or 'none'}; better: {measure.better or '–'}; "
            f"needs: {needs}; cost: {measure.cost:g} forward passes an image.",
            "",
            text_of(kind),
            "",
        ]
    return "\n".join(lines)


def commands_page() -> str:
    """Return a section a command, an objective and an estimator, each with its own flags."""
    lines = ["# Commands and their flags", ""]
    for name, command in COMMANDS.items():
        lines += described(command.load(), f"offmanifold {name}")
    for name, kind in objectives.items():
        lines += described(kind, f"offmanifold train {name.replace('_', '-')}")
    for name, kind in estimators.items():
        lines += described(kind, f"offmanifold fit-manifold {name.replace('_', '-')}")
    return "\n".join(lines)


def results_page() -> str:
    """Return what each folder of results/ says of itself: text and tables, pictures embedded."""
    lines = []
    for path in (RESULTS / "README.md", *sorted(RESULTS.glob("*/README.md"))):
        folder = path.parent.relative_to(RESULTS.parent)
        text = path.read_text(encoding="utf-8")
        text = text if folder == Path("results") else re.sub("^(?=#+ )", "#", text, flags=re.M)
        text = text.replace("# Results\n", "# Results in full\n")
        text = re.sub(r"!\[([^\]]*)\]\(([^):]+)\)", rf"![\1](../../{folder}/\2)", text)
        text = re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)
        lines += [text.strip(), "", f"All of it lies in `{folder}/`.", ""]
    return "\n".join(lines)


def described(kind: type, prog: str) -> list[str]:
    """Return a section: the text of a dataclass, and what its parser prints of its flags."""
    said = io.StringIO()
    with mock.patch.dict(os.environ, SHAPE), redirect_stdout(said), suppress(SystemExit):
        tyro.cli(kind, args=["--help"], prog=prog, config=CONFIG)
    text = text_of(kind).partition("Attributes:")[0].strip()
    usage, *parts = re.split(r"^ (\w.*?) *\n -+ *$", said.getvalue(), flags=re.M)
    flags = [usage.partition("\n\n")[0]]
    for title, part in zip(parts[::2], parts[1::2], strict=True):
        flags += ["", f"{title}:", *(line.rstrip() for line in part.splitlines() if line.strip())]
    return [f"## {prog}", "", text, "", "```text", *flags, "```", ""]


def text_of(kind: type) -> str:
    """Return a docstring as text, its symbols left as they are."""
    return (inspect.getdoc(kind) or "").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")
