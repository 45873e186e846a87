"""Words in other languages, from gettext catalogues; English is the source.

A language is one file: locale/LANGUAGE/LC_MESSAGES/offmanifold.po.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

import offmanifold.audits.schema as audits
import offmanifold.sweeps.schema as sweeps
import offmanifold.synthesis.schema as synthesis
from offmanifold._core.errors import unknown_name
from offmanifold._core.flags import as_flags
from offmanifold._core.reasons import ENGLISH, Reason, written

SCHEMAS = (audits, sweeps, synthesis)  # each registers the words of its codes
FOLDER = Path(__file__).parent / "locale"
FILE = "LC_MESSAGES/offmanifold.po"
SOURCE = "en"


def languages() -> tuple[str, ...]:
    """Return the languages that there are: English, and one a catalogue."""
    return (SOURCE, *sorted(path.parents[1].name for path in FOLDER.glob(f"*/{FILE}")))


def translated(text: str, language: str) -> str | None:
    """Return an English text in a language, None where the catalogue lacks it.

    Raises InputError for a language without a catalogue.
    """
    if language == SOURCE:
        return text
    path = FOLDER / language / FILE
    if not path.is_file():
        raise unknown_name("language", language, languages())
    return _catalogue(path).get(text)


def said(reason: Reason | Mapping[str, Any], language: str) -> str:
    """Return why something is so in a language; in English where the catalogue lacks it."""
    known = reason if isinstance(reason, Reason) else Reason(**reason)
    template = translated(ENGLISH.get(known.code, ""), language)
    return as_flags(written(template, known.values) if template else str(known))


def has(reason: Reason | Mapping[str, Any], language: str) -> bool:
    """Whether a reason can be said in a language."""
    code = reason.code if isinstance(reason, Reason) else reason["code"]
    return language == SOURCE or translated(ENGLISH.get(code, ""), language) is not None


@functools.lru_cache(maxsize=8)
def _catalogue(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and m.string}
