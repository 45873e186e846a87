"""The reference of measures, commands and results, made from registry, parsers and results/."""

import dataclasses
import inspect
import re
from pathlib import Path

from offmanifold.cli import COMMANDS
from offmanifold.measures import measures
from offmanifold.objectives import objectives

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
    lines = ["# Reference: measures", ""]
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
    """Return a section a command with its flags, and one an objective with its own."""
    lines = ["# Reference: commands", ""]
    for name, command in COMMANDS.items():
        kind = command.load()
        lines += [f"## offmanifold {name}", "", *described(kind)]
    lines += ["# Reference: objectives of train, sweep and recommend", ""]
    for name, kind in objectives.items():
        lines += [f"## {name.replace('_', '-')}", "", *described(kind)]
    return "\n".join(lines)


def results_page() -> str:
    """Return what each folder of results/ says of itself: text and tables, pictures embedded."""
    lines = ["# Reference: results", ""]
    for path in (RESULTS / "README.md", *sorted(RESULTS.glob("*/README.md"))):
        folder = path.parent.relative_to(RESULTS.parent)
        text = re.sub(r"^(#+ )", r"#\1", path.read_text(encoding="utf-8"), flags=re.M)
        text = re.sub(r"!\[([^\]]*)\]\(([^):]+)\)", rf"![\1](../../{folder}/\2)", text)
        text = re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)
        lines += [text.strip(), "", f"All of it lies in `{folder}/`.", ""]
    return "\n".join(lines)


def described(kind: type) -> list[str]:
    """Return the text of a dataclass and a line for each of its flags."""
    text, help_of = split(inspect.getdoc(kind) or "")
    lines = [text, ""]
    for field in dataclasses.fields(kind):
        inner = field.default_factory if dataclasses.is_dataclass(field.default_factory) else None
        if inner is not None and field.name != "objective":
            own = split(inspect.getdoc(inner) or "")[1]
            lines += [flag(f.name, own.get(f.name, "")) for f in dataclasses.fields(inner)]
        else:
            lines.append(flag(field.name, help_of.get(field.name, "")))
    return [*lines, ""]


def flag(name: str, text: str) -> str:
    """Return a line of a list."""
    return f"- `--{name.replace('_', '-')}`: {text.replace('<', '&lt;')}"


def split(doc: str) -> tuple[str, dict[str, str]]:
    """Return the text of a docstring and {attribute: its help}."""
    text, _, rest = doc.partition("Attributes:")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line.startswith("    ") and not line.startswith("     ") and ": " in line:
            name, _, said = line.strip().partition(": ")
            found[name] = said
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return text.strip().replace("*", "\\*"), found


def text_of(kind: type) -> str:
    """Return the docstring of a measure as text, its symbols left as they are."""
    return (inspect.getdoc(kind) or "").replace("*", "\\*").replace("_", "\\_")
