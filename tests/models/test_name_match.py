import pytest

from offmanifold.models.name_match import Named, look_alike


def find(name, names, among=None):
    data = None if among is None else Named([(n,) for n in among])
    return Named([(n,) for n in names]).find(name, data)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Great White", "great_white"),
        ("t\u2010shirt", "T-Shirt"),
        ("\uff21", "a"),
        ("-", "-"),
        ("-1", "\u22121"),
        ("stra\u00dfe", "STRASSE"),
        ("class -1", "class_-1"),
        (" cat ", "cat"),
        ("b-C", "bc"),
    ],
)
def test_the_same_loosely(name, other):
    assert find(name, [other, "x"]) == find(other, [name, "x"]) == [0]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("-1", "1"),
        ("1-0", "10"),
        ("class -1", "class 1"),
        ("-", "_"),
        ("C++", "C"),
        ("-.5", ".5"),
        ("(-1)", "(1)"),
        ("cat\u200b", "cat"),
    ],
)
def test_never_the_same(name, other):
    assert find(name, [other]) == find(other, [name]) == []


def test_a_looser_form_must_be_of_one_name_on_either_side():
    assert find("CAT", ["cat", "Cat"]) == []
    assert find("CAT", ["cat"], among=["CAT", "Cat"]) == []
    assert find("CAT", ["cat", "cat"], among=["CAT"]) == [0, 1]


def test_what_looks_alike():
    assert look_alike("cat", "cat\u200b")
    assert look_alike("\u0441at", "cat")
    assert not look_alike("cat", "cat")
    assert not look_alike("\u3042", "a")


def test_each_of_twenty_thousand_names_is_found():
    names = [f"Name_{i}" for i in range(20_000)]
    known = Named([(n,) for n in names])
    assert [known.find(n.lower()) for n in names] == [[i] for i in range(20_000)]
