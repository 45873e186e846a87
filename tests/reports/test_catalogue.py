"""Catalogues: every word of the sources is in each, nothing else is, and a new one is one file."""

import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from offmanifold import InputError
from offmanifold._core.reasons import ENGLISH, Reason
from offmanifold.reports import catalogue
from offmanifold.reports.catalogue import languages, said, translated
from offmanifold.reports.texts import TEXTS, Texts
from words import LOCALES, marked, read_words, write_catalogue

JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
PLACE = re.compile(r"\{(\w+)")


@pytest.mark.parametrize("path", sorted(LOCALES.glob("*/LC_MESSAGES/*.po")), ids=str)
def test_a_catalogue_holds_every_word_of_the_sources_and_no_other(path: Path):
    words = read_words(path)
    assert marked() - words.keys() == set(), "missing: python tests/words.py"
    assert words.keys() - marked() == set(), "stale: python tests/words.py"
    assert [text for text, there in words.items() if not there] == []
    for text, there in words.items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(there)), text


def test_the_japanese_is_japanese():
    words = read_words(LOCALES / "ja/LC_MESSAGES/offmanifold.po")
    english = {text for text, there in words.items() if not JAPANESE.search(there)}
    assert all(not JAPANESE.search(text) for text in words)
    left = {text for text in english if len(re.findall("[a-z]{3,}", PLACE.sub("", text))) > 1}
    assert left == set()


def test_each_code_and_each_text_is_marked():
    assert set(ENGLISH.values()) <= marked()
    assert set(TEXTS.values()) <= marked()


@pytest.fixture
def pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A language made of the English: each letter outside {fields} and <tags> is doubled."""
    path = tmp_path / "de/LC_MESSAGES/offmanifold.po"
    write_catalogue(path, "de", {text: _pseudo(text) for text in marked()})
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    return "de"


def _pseudo(text: str) -> str:
    parts = re.split(r"(\{[^}]*\}|<[^>]*>|&\w+;|`\w+`)", text)
    doubled = str.maketrans({c: c + c for c in string.ascii_letters})
    return "".join(p if i % 2 else p.translate(doubled) for i, p in enumerate(parts))


def test_a_third_language_is_one_new_file(pseudo: str):
    assert languages() == ("en", pseudo)
    t = Texts(pseudo)
    for key, english in TEXTS.items():
        assert t.said(english) == _pseudo(english), key
    assert said(Reason("lacks.masks"), pseudo) == _pseudo(ENGLISH["lacks.masks"])


def test_reports_alone_know_the_words_of_every_room():
    script = (
        "from offmanifold.reports.catalogue import said\n"
        "for code in ('lacks.masks', 'regime.pending', 'transition.first', 'synthesis.weak'):\n"
        "    print(said({'code': code, 'values': {'model': 'm'}}, 'ja'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    assert all(JAPANESE.search(line) for line in lines)


def test_what_the_catalogue_lacks_is_said_in_english():
    assert translated("a title from outside", "ja") is None
    assert Texts("ja").said("a title from outside") == "a title from outside"
    assert said({"code": "later.code", "values": {"n": 3}}, "ja") == "later.code (n 3)"


def test_a_language_without_a_catalogue_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"language .*en, ja"):
        Texts("xx")
    with pytest.raises(InputError, match=r"language"):
        translated("x", "xx")
