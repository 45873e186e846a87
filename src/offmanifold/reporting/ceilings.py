"""How far two estimates of a target agree: no gradient can be expected to match it better."""

from typing import Any

from offmanifold.reporting import writing
from offmanifold.reporting.texts import Texts

RELIABLE = 0.5  # below this agreement the target is called unreliable


def ceiling_sentence(number: dict[str, Any], t: Texts) -> str | None:
    """Return the ceiling of a measure's number in a sentence, None where it was not measured."""
    ceiling = number.get("ceiling") or {}
    if ceiling.get("value") is None:
        return None
    return t(f"ceiling.{grade(ceiling['value'])}", value=writing.interval(ceiling))


def grade(value: float) -> str:
    """Return whether a target with this ceiling is reliable or unreliable."""
    return "reliable" if value >= RELIABLE else "unreliable"
