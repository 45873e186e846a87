"""stdout and stderr as they are met: of any encoding, closed, full, or with nobody who reads."""

import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

from offmanifold._core.errors import RunError
from offmanifold._core.visible import visible_but_colours, visible_page

# What numbers and tables are written with; a lost minus would be another number.
NEAREST = {
    **dict.fromkeys("−–—‐‑―─━╌┄", "-"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("│┃╎║", "|"),
    **{"×": "x", "÷": "/", "·": ".", "≤": "<=", "≥": ">=", "≈": "~", "→": "->", "√": "sqrt"},
    **{"‖": "||", "∇": "grad ", "…": "..."},
}


def encodable(text: str, encoding: str | None) -> str:
    """Return text that a stream of this encoding can hold: the nearest characters, else "?".

    >>> encodable("−0.5 × σ, 犬", "ascii")
    '-0.5 x sigma, ?'
    """
    encoding = encoding or "utf-8"
    if _holds(encoding, text):
        return text
    return "".join(c if _holds(encoding, c) else _nearest(c, encoding) for c in text)


def _holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeError:
        return False
    return True


def _nearest(character: str, encoding: str) -> str:
    if "\u2500" <= character <= "\u257f":  # a corner of a table
        return NEAREST.get(character, "+")
    name = unicodedata.name(character, "").lower()
    if name.startswith("greek small letter "):
        return name.split()[3]
    plain = NEAREST.get(character) or unicodedata.normalize("NFKD", character)
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return kept if kept and _holds(encoding, kept) else "?"


class _Aside:
    """A stream for what other code prints, which holds the one for results."""

    def __init__(self, stream: TextIO, results: TextIO):
        self.results = results
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def results_alone() -> Iterator[None]:
    """Let what other code prints, as a model of the user's own, go to stderr.

    Results alone are then on stdout, by `results`.
    """
    with contextlib.redirect_stdout(cast(TextIO, _Aside(sys.stderr, sys.stdout))):
        yield


def results() -> TextIO:
    """Return the stream that results are written to."""
    return getattr(sys.stdout, "results", sys.stdout)


class Steady:
    """A stream of text that a command can write to whatever has become of it.

    What cannot be encoded is replaced. The first write that fails is kept in `failed`, and what
    comes after is dropped: the command goes on and makes what it was asked for.
    """

    def __init__(self, stream: TextIO | None):
        self.failed: OSError | None = None
        self._closed = stream is None  # before the start
        self._stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._closed:
            self.failed = OSError("it is closed")
        elif self.failed is None:
            self._try(lambda: self._stream.write(encodable(text, self._stream.encoding)))
        return len(text)

    def flush(self) -> None:
        if self.failed is None:
            self._try(self._stream.flush)

    def end(self) -> None:
        """Write what is left."""
        self.flush()
        if self._closed:
            self._stream.close()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:  # a ValueError: closed by this process
            self.failed = error if isinstance(error, OSError) else OSError("it is closed")
            with (
                contextlib.suppress(OSError, ValueError),
                open(os.devnull, "w", encoding="utf-8") as nowhere,
            ):
                os.dup2(nowhere.fileno(), self._stream.fileno())  # for the interpreter's last flush


@contextlib.contextmanager
def steady_streams() -> Iterator[tuple[Steady, Steady]]:
    """Put steady streams in place of stdout and stderr, and yield them."""
    if None in (sys.stdin, sys.stdout, sys.stderr):  # else the next file opened would be stdout
        while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(handle)
    out, err = Steady(sys.stdout), Steady(sys.stderr)
    with (
        contextlib.redirect_stdout(cast(TextIO, out)),
        contextlib.redirect_stderr(cast(TextIO, err)),
    ):
        try:
            yield out, err
        finally:
            out.end()
            err.end()


class _Unobeyed:
    """A stream to which a library writes what it was given, as a parser does wrong arguments."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        coloured = self._stream.isatty()
        self._stream.write(visible_but_colours(text) if coloured else visible_page(text))
        return len(text)


@contextlib.contextmanager
def unobeyed() -> Iterator[None]:
    """Write out what a terminal would obey, colours aside, in all that is written meanwhile."""
    out, err = (cast(TextIO, _Unobeyed(s)) for s in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield


def unsaid(error: OSError) -> RunError:
    """Return what to say where stdout did not take what was written."""
    return RunError(
        f"stdout cannot be written ({error.strerror or error}): what was made is kept, what was to "
        "be shown is lost; give a stdout that can be written"
    )
