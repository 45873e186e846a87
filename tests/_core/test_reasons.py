"""Reasons are codes; their words are English until a catalogue says otherwise."""

import pytest

from offmanifold._core import reasons
from offmanifold._core.reasons import N_, Reason, register, written


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setattr(reasons, "ENGLISH", {})
    register("room", {"few": N_("only {n} images, {share!p} of all")})


def test_a_reason_is_said_in_english_with_its_values(words):
    assert str(Reason("room.few", {"n": 3, "share": 0.0123})) == "only 3 images, 1.2 % of all"
    assert str(Reason("room.few", {"n": 3, "share": None})) == "only 3 images, – of all"


def test_an_unknown_code_is_shown_as_it_is(words):
    assert str(Reason("later.code", {"n": 3})) == "later.code (n 3)"
    assert str(Reason("later.code")) == "later.code"


def test_a_translation_is_written_with_the_same_values():
    assert written("{share!p} von {n}", {"share": 1.0, "n": 2}) == "100.0 % von 2"
