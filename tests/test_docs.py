"""The generated pages of the documents say what registry and parsers hold."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from offmanifold.audits.config import AuditConfig
from offmanifold.audits.plan import default_eps
from offmanifold.cli import COMMANDS
from offmanifold.measures import measures
from offmanifold.objectives import objectives

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sections(page: str) -> dict[str, str]:
    """Return {heading of the second level: its text}."""
    parts = re.split(r"^## (.+)$", page, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_measure_has_a_section_with_its_unit(generate: ModuleType):
    page = sections(generate.measures_page())
    assert list(page) == list(measures)
    for name, kind in measures.items():
        measure = kind()
        assert f"*{measure.title}.* Unit: {measure.unit or 'none'};" in page[name]
        assert all(need in page[name] for need in measure.needs)


def test_every_command_and_objective_has_a_section_with_its_flags(generate: ModuleType):
    page = sections(generate.commands_page())
    assert [f"offmanifold {name}" for name in COMMANDS] == list(page)[: len(COMMANDS)]
    for field in dataclasses.fields(AuditConfig):
        assert f"--{field.name.replace('_', '-')}" in page["offmanifold audit"], field.name
    assert "(default: distractor:digits)" in " ".join(page["offmanifold audit"].split())
    for name, kind in objectives.items():
        own = page[f"offmanifold train {name.replace('_', '-')}"]
        for field in dataclasses.fields(kind):
            assert f"--{field.name.replace('_', '-')}" in own
    assert "usage: offmanifold train pgd" in page["offmanifold train pgd"]


def test_every_folder_of_results_is_shown_without_dead_links(generate: ModuleType):
    page = generate.results_page()
    for path in (DOCS.parent / "results").glob("*/README.md"):
        assert f"All of it lies in `results/{path.parent.name}/`." in page
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page):
        assert (DOCS / "reference" / link).resolve().is_file(), link


@pytest.mark.parametrize("page", ["concepts.md", "ja/concepts.md"])
def test_the_rule_of_eps_is_the_one_in_force(page: str):
    (row,) = re.findall(r"^\|.*√\(d/3072\).*$", (DOCS / page).read_text("utf-8"), re.M)
    for shape in ((3, 32, 32), (1, 28, 28)):
        assert re.search(rf"(?<![\d.]){default_eps(shape):g}(?!\d)", row), shape
    assert f"{default_eps((3, 224, 224)):g}"[:3] in row
