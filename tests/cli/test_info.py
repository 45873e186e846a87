"""What `info` says is here can be imported, and what cannot is said with its reason."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from offmanifold.cli.info import EXTRAS, RECORDS, record

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_extra_is_asked_for():
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - {"all", "bench", "dev", "docs"}


def test_an_installed_extra_that_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offmanifold
):
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such operator\\nat all')")
    (tmp_path / "lacking.py").write_text("import a_module_that_is_not_there")
    (tmp_path / "loud.py").write_text("import warnings\nwarnings.warn('old')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("broken", "lacking", "loud"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    extras = {name: name for name in ("broken", "lacking", "loud", "never_installed")}
    monkeypatch.setattr("offmanifold.cli.info.EXTRAS", extras)
    code, facts, _ = offmanifold("info", "--json")
    assert code == 0
    assert facts["extras installed"] == ["loud"]
    broken, lacking = facts["extras that cannot be imported"]
    assert broken == "broken (no such operator)"
    assert lacking.startswith("lacking (No module named 'a_module_that_is_not_there'")


def test_the_schema_of_each_document_is_printed(offmanifold):
    for name in RECORDS:
        code, out, err = offmanifold("info", "--schema", name)
        assert code == 0, err
        assert json.loads(out)["$ref"] == f"#/$defs/{record(name).__name__}"
    code, _, err = offmanifold("info", "--schema", "letter")
    assert code == 2 and "known: audit, compare, synthesis" in err
