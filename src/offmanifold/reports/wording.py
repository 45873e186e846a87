"""What audits say in their own words, in the page's language where they hold it."""

import functools
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from offmanifold.reports.catalogue import has, said
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import Texts


def english(text: str, t: Texts) -> Markup:
    """Return a text that exists in English alone, marked as such on another page."""
    if t.language == "en":
        return Markup.escape(text)
    return Markup('<span lang="en">{}</span>').format(text)


def title_of(value: dict[str, Any], t: Texts) -> Markup:
    """Return the title of a measure or curve; one from outside has it in English alone."""
    title = str(value.get("title") or "")
    return Markup.escape(t.said(title)) if t.knows(title) else english(title, t)


def regime_reason(saved: dict[str, Any], language: str) -> str:
    """Return why a model stands in its regime, and what may be behind a collapse.

    saved: of audit.json, its `regime` and `suspicions`.
    """
    regime = saved.get("regime") or {}
    if "code" not in regime:
        return ""
    sentences = [said({"code": regime["code"], "values": regime.get("values") or {}}, language)]
    if regime["name"] == "collapsed":
        sentences += [said(one, language) for one in saved.get("suspicions") or []]
    t = Texts(language)
    return functools.reduce(lambda a, b: t("joined", first=a, second=b), sentences)


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


def skipped_lpips(saved: Sequence[dict[str, Any]], language: str) -> list[str]:
    """Return what LPIPS lacks and what gets it, once each, where audits left it out."""
    reasons = [reason for one in saved for reason in one["skipped"].values()]
    lacks = {reason["code"]: reason for reason in reasons if reason["code"].startswith("lpips.")}
    return [said(lacks[code], language) for code in sorted(lacks)]


def reason_of(source: Source, name: str, t: Texts) -> Markup:
    reason = source.json["skipped"][name]
    text = said(reason, t.language)
    return Markup.escape(text) if has(reason, t.language) else english(text, t)
