"""How far two estimates of a target agree: no gradient can be expected to match it better."""

from typing import Any

from offmanifold.reports import writing
from offmanifold.reports.texts import Texts

RELIABLE = 0.5  # below this agreement the target is called unreliable


def ceiling_sentence(number: dict[str, Any], t: Texts) -> str | None:
    """Return the ceiling of a cosine in a sentence, None where it was not measured."""
    ceiling = number.get("ceiling") or {}
    if ceiling.get("value") is None:
        return None
    grade = "unreliable" if unreliable(number) else "reliable"
    return t(f"ceiling.{grade}", value=writing.interval(ceiling))


def unreliable(number: dict[str, Any]) -> bool:
    """Whether the ceiling of a cosine was measured and is too low to rely on its target."""
    value = (number.get("ceiling") or {}).get("value")
    return value is not None and value < RELIABLE
