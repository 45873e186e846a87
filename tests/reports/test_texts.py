"""Every text is there in both languages, with the same fields."""

import re
from pathlib import Path

import pytest

import offmanifold.reports.texts as module
from offmanifold._core.errors import InputError
from offmanifold.measures import measures
from offmanifold.reports.texts import LANGUAGES, TEXTS, Texts

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
NO_WORDS = {"and", "space", "colon", "brackets", "accuracy.eps", "table.n", "table.z"}


def test_each_text_is_in_both_languages_with_the_same_fields():
    for key, (english, japanese) in TEXTS.items():
        fields = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, japanese)]
        assert fields[0] == fields[1], key
        assert not JAPANESE.search(english), key
        if key not in NO_WORDS:
            assert JAPANESE.search(japanese), f"{key} has no Japanese"
            assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff][(:]", japanese), key


def test_each_text_is_used():
    folder = Path(module.__file__).parent
    files = [*folder.rglob("*.py"), *folder.rglob("*.jinja")]
    source = "".join(f.read_text() for f in files if not f.name.endswith("texts.py"))
    built = (
        "regime plain says card control key gradient split group over unit settings glossary "
        "masked curves deletion fake ceiling"
    )
    some = ("pictures.gradient", "pictures.tangent", "pictures.normal", "table.", "colour.")
    some += (
        "sweep.boundary.",
        "sweep.here.",
        "sweep.everywhere.",
        "sweep.nowhere.",
        "sweep.unknown.",
        "sweep.first.",
        "sweep.last.",
        "sweep.shown.",
        "recommend.",
        "explains.",
        *(f"synthesis.{part}." for part in ("title", "intro", "mode", "column", "number", "warn")),
        *(f"synthesis.{part}." for part in ("said", "regime", "altered")),
    )
    for key in TEXTS:
        named = f'"{key}"' in source or key.startswith(some)
        assert named or key.split(".")[0] in built.split(), f"{key} is not used"


def test_unknown_language_is_an_input_error():
    assert LANGUAGES == ("en", "ja")
    with pytest.raises(InputError, match=r'unknown language "de".*known: en, ja'):
        Texts("de")


def test_html_escapes_fields():
    assert "&lt;b&gt;" in Texts("en").html("says.weak", labels="<b>")


def test_each_axis_of_a_curve_has_a_text():
    for measure in (measures[name]() for name in measures):
        for curve in measure.curves(1.0).values():
            assert f"unit.{curve.x_unit}" in TEXTS
