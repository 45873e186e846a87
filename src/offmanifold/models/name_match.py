"""Names that mean the same: equal as they stand, else in ever looser forms that no two share."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property

Names = Sequence[str]
LIKE_LATIN = ("CYRILLIC", "GREEK", "LATIN")


class Named:
    """What bears names, found by them.

    names: those of each position, which may have several.

    >>> Named([["C-3"], ["C3"]]).find("C3"), Named([["C-3"], ["C3"]]).find("c_3")
    ([1], [0])
    """

    def __init__(self, names: Sequence[Names]):
        self.places: dict[str, list[int]] = {}
        for place, own in enumerate(names):
            for name in dict.fromkeys(own):
                self.places.setdefault(name, []).append(place)

    @cached_property
    def _by_form(self) -> list[dict[str, set[str]]]:
        found: list[dict[str, set[str]]] = [{} for _ in _forms("")]
        for name in self.places:
            for known, form in zip(found, _forms(name), strict=True):
                known.setdefault(form, set()).add(name)
        return found

    def find(self, name: str, among: "Named | None" = None) -> list[int]:
        """Return the places of all that bear a name; nothing where none does, or several might.

        Forms are tried in order: the name as it stands, then by NFKC, then whatever the case, then
        whatever separates words, then without separators. All but the first count only where one
        name has the form here, and one `among` those that `name` is one of.
        """
        if name in self.places:
            return self.places[name]
        others = [{}] * len(self._by_form) if among is None else among._by_form
        for known, rivals, form in zip(self._by_form, others, _forms(name), strict=True):
            if found := known.get(form):
                alone = len(found) == 1 and len(rivals.get(form, ())) <= 1
                return self.places[next(iter(found))] if alone else []
        return []


def look_alike(one: str, other: str) -> bool:
    """Say whether two names that differ may be taken for each other by eye."""
    a, b = _bare(one), _bare(other)
    return one != other and len(a) == len(b) and all(map(_alike, a, b))


def escaped(name: str) -> str:
    r"""Return a name in ASCII, so that what differs shows: "\u2212" for a minus that is no "-"."""
    return ascii(name)[1:-1]


def _forms(name: str) -> tuple[str, str, str, str]:
    """Return a name by NFKC, without case, with one blank a separator, and without separators.

    A sign before a number is no separator, and one between digits stays: -1 is not 1, nor 1-0 10.
    """
    normal = unicodedata.normalize("NFKC", name)
    caseless = unicodedata.normalize("NFKC", normal.casefold()).strip()
    signed = re.sub(r"(?:^|(?<=[\s_=:;,/(\[]))[-\u2010-\u2015\u2212](?=\.?\d)", "\u2212", caseless)
    words = re.sub(r"[\s_\u2010-\u2015-]+", " ", signed).strip() or name  # one may be named "-"
    return normal, caseless, words, re.sub(r"(?<!\d) | (?!\d)", "", words) or name


def _bare(name: str) -> str:
    """Return a name without what has no shape of its own: accents, blanks, marks of format."""
    parts = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in parts if unicodedata.category(c)[0] not in "MCZ" and c not in "-_")


def _alike(a: str, b: str) -> bool:
    scripts = [unicodedata.name(c, "").split(" ")[0] for c in (a, b)]
    return a == b or (scripts[0] != scripts[1] and all(s in LIKE_LATIN for s in scripts))
