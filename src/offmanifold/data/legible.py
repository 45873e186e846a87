"""Names of files and classes as text that any file, table, page or console can hold."""

import unicodedata
from collections.abc import Iterable, Sequence

from offmanifold._core.visible import escaped


def readable(name: str) -> str:
    r"""Return a name composed (NFC); what is no Unicode or would steer a console is escaped.

    A file name that is not UTF-8 comes from the system with surrogates, which nothing can write.

    >>> readable("a\udc93.png"), readable("a\x1b[1m")
    ('a\\x93.png', 'a\\x1b[1m')
    """
    return _plain(unicodedata.normalize("NFC", name))


def readable_names(names: Iterable[str]) -> dict[str, str]:
    """Return {name: readable name}, no two alike: only escaped where composing would join them."""
    given = list(names)
    return next(
        made
        for how in (readable, _plain, ascii)
        if len(set((made := {name: how(name) for name in given}).values())) == len(set(given))
    )


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _plain(name: str) -> str:
    return "".join(escaped(c) if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)
