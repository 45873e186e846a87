"""Reasons as codes with values, and the English words that each code stands for.

Records keep codes, never sentences. The words stand in the room that gives the reason, marked by
`N_` for the catalogues of `reports`, which say them in other languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

Value = str | int | float | None


def N_(text: str) -> str:
    """Mark a text for translation and return it as it is."""
    return text


class _Words(Formatter):
    """`{share!p}` writes a share as a percentage, and None as a dash."""

    def convert_field(self, value: Value, conversion: str | None) -> object:
        if conversion == "p":
            return f"{100 * value:.1f} %" if isinstance(value, int | float) else "–"
        return super().convert_field(value, conversion)


ENGLISH: dict[str, str] = {}
"""{code: template}: filled by each room through `register`."""


def register(room: str, words: Mapping[str, str]) -> None:
    """Take the reasons of a room: `{name: template}` become the codes `room.name`."""
    ENGLISH.update({f"{room}.{name}": text for name, text in words.items()})


def written(template: str, values: Mapping[str, Value]) -> str:
    """Return a template, English or translated, with its values.

    >>> written("right on {share!p} of {n} images", {"share": 0.5, "n": 8})
    'right on 50.0 % of 8 images'
    """
    return _Words().vformat(template, (), values)


@dataclass(frozen=True)
class Reason:
    """Why something is so: a code, `room.name`, and the values that its words hold.

    `str(reason)` is English; a code that this version does not know is shown as it is.
    """

    code: str
    values: dict[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        template = ENGLISH.get(self.code)
        if template is None:
            told = ", ".join(f"{name} {value}" for name, value in self.values.items())
            return f"{self.code} ({told})" if told else self.code
        return written(template, self.values)
