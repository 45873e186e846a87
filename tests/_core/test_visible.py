"""Names that are nothing but names."""

import json
import unicodedata

import pytest

from offmanifold._core.visible import (
    visible,
    visible_but_colours,
    visible_json,
    visible_page,
)

OBEYED = {
    "\x1b[2J": r"\x1b[2J",
    "\x07": r"\x07",
    "\x00": r"\x00",
    "\x7f": r"\x7f",
    "\x9b31m": r"\x9b31m",
    "a\nb": r"a\nb",
    "a\rb": r"a\rb",
    "a\tb": r"a\tb",
    "\u202e": r"\u202e",
    "\u2066": r"\u2066",
    "\u2028": r"\u2028",
    "\ufeff": r"\ufeff",
    "\U000e0041": r"\U000e0041",
    "\udc83\udce5": r"\x83\xe5",
}
HARMLESS = ["犬 [/x] $x_{ :smile: <b>", "σ × ≤ −0.5", "é e\u0301 🐕\u200d🦺", r"C:\new"]


@pytest.mark.parametrize("name", OBEYED)
def test_what_a_terminal_would_obey_is_written_out(name):
    assert visible(name) == OBEYED[name]


@pytest.mark.parametrize("name", HARMLESS)
def test_all_else_is_left_as_it_is(name):
    assert visible(name) == visible_page(name) == visible_json(name) == name


def test_no_control_of_unicode_is_left():
    every = "".join(map(chr, [*range(0x110000)]))
    left = {unicodedata.category(c) for c in visible(every)}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}


def test_a_page_keeps_its_lines():
    assert visible_page("<p>\n\ta\x1b\r</p>") == "<p>\n\ta\\x1b\\x0d</p>".replace("x0d", "r")


def test_json_is_read_as_the_same():
    value = ["\x1b", "\x9b", "\u202e", "\U000e0041", "\udc83", "犬", 'a\n"b"\\']
    for ascii_only in (True, False):
        text = visible_json(json.dumps(value, ensure_ascii=ascii_only, indent=1))
        assert json.loads(text) == value
        assert visible_page(text) == text


def test_colours_of_a_library_stay():
    assert visible_but_colours("\x1b[31;1mred\x1b[0m\n\x1b[2J") == "\x1b[31;1mred\x1b[0m\n\\x1b[2J"
