import os

from offmanifold.data.legible import readable, readable_names, some


def test_what_is_no_unicode_or_steers_a_console_is_escaped():
    assert readable(os.fsdecode("\u732b.png".encode("shift_jis"))) == "\\x94L.png"
    assert readable("a\x1b[31m\n\x00\x9bb") == "a\\x1b[31m\\n\\x00\\x9bb"
    assert readable("\ud800") == "\\ud800"
    assert readable("\u732b \u00e9 [best] \U0001f600") == "\u732b \u00e9 [best] \U0001f600"
    readable(os.fsdecode(bytes(range(1, 256)))).encode()


def test_names_are_composed_unless_two_would_become_one():
    composed, decomposed = "\u00e9", "e\u0301"
    assert readable(decomposed) == composed
    assert readable_names([decomposed, "x"]) == {decomposed: composed, "x": "x"}
    assert readable_names([decomposed, composed]) == {decomposed: decomposed, composed: composed}


def test_some_of_many():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg"), 2) == "a, b and 5 more"
