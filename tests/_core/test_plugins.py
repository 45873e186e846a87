"""A package from outside adds its own without a script."""

import sys
from pathlib import Path

import pytest

from offmanifold._core.registry import Registry


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A vocabulary, and a distribution with an entry point that adds to it and one that fails."""
    (tmp_path / "outside.py").write_text(
        "from dataclasses import dataclass\nfrom test_plugins_words import words\n"
        "@words.register('from_outside')\n@dataclass(frozen=True)\nclass FromOutside:\n    pass\n"
    )
    (tmp_path / "broken_outside.py").write_text("raise RuntimeError('no such operator')")
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[offmanifold.words]\nmine = outside:FromOutside\nbroken = broken_outside:X\n"
    )
    words: Registry = Registry("word", plugins="words")
    module = type(sys)("test_plugins_words")
    module.words = words  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_plugins_words", module)
    monkeypatch.syspath_prepend(tmp_path)
    yield words
    for name in ("outside", "broken_outside"):
        sys.modules.pop(name, None)


def test_it_is_there_at_the_first_look_and_a_broken_one_is_named(installed, capsys):
    assert "outside" not in sys.modules
    assert list(installed) == ["from_outside"]
    assert installed["from-outside"].__name__ == "FromOutside"
    said = capsys.readouterr().err
    assert "broken of broken_outside is left out" in said and "no such operator" in said
    assert len(installed) == 1
    assert "broken" not in capsys.readouterr().err  # told once
