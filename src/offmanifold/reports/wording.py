"""What audits say in their own words, in the page's language where they hold it."""

from typing import Any

from markupsafe import Markup

from offmanifold._core.flags import as_flags
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import Texts


def english(text: str, t: Texts) -> Markup:
    """Return a text that exists in English alone, marked as such on another page."""
    if t.language == "en":
        return Markup.escape(text)
    return Markup('<span lang="en">{}</span>').format(text)


def in_language(value: dict[str, Any], key: str, t: Texts) -> Markup:
    """Return `value[key]` in the page's language, in English where there is no other."""
    if t.language != "en" and not value.get(f"{key}_{t.language}"):
        return english(str(value.get(key) or ""), t)
    return Markup.escape(as_flags(t.own(value, key) or ""))


def unit_text(unit: str | None, t: Texts) -> Markup:
    if not unit:
        return Markup("")
    return Markup.escape(t(f"unit.{unit}")) if f"unit.{unit}" in t else english(unit, t)


def why_missing(source: Source, measure: str, t: Texts) -> Markup | None:
    """Return the saved reason why a measure is missing, None where none was saved."""
    skipped = source.json.get("skipped") or {}
    names = (measure, measure.split(".")[0])
    name = next((n for n in names if n in skipped), None)
    return None if name is None else reason_of(source, name, t)


def reason_of(source: Source, name: str, t: Texts) -> Markup:
    reason = source.json["skipped"][name]
    if isinstance(reason, dict):
        return in_language(reason, "reason", t)
    translated = (source.json.get(f"skipped_{t.language}") or {}).get(name)
    return Markup.escape(as_flags(translated)) if translated else english(as_flags(str(reason)), t)
