"""The full tables: every measure with its controls, differences, and what was left out."""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from offmanifold.reports import writing
from offmanifold.reports.sources import Source, Sources
from offmanifold.reports.texts import TEXTS, Texts
from offmanifold.reports.wording import reason_of, title_of, unit_text, why_missing

GROUPS = ("accuracy", "alignment", "robustness", "signal", "deletion")
OPTIONAL = ("chance", "controls", "difference", "z", "effect")


def groups(audits: list[Source], t: Texts) -> list[dict[str, Any]]:
    """Return every measure of every audit, by the first part of its name."""
    measures = list(dict.fromkeys(m for a in audits for m in a.json["measures"]))
    prefixes = dict.fromkeys(m.split(".")[0] for m in measures)
    order = [*(g for g in GROUPS if g in prefixes), *(p for p in prefixes if p not in GROUPS)]
    found = []
    for prefix in order:
        own_measures = [_measure(audits, m, t) for m in measures if m.split(".")[0] == prefix]
        rows = [row for m in own_measures for row in m["rows"]]
        columns = {c for c in OPTIONAL if any(row[c] for row in rows)}
        title = t.name("group", prefix)
        found.append({"title": title, "measures": own_measures, "columns": columns})
    return found


def _measure(audits: list[Source], measure: str, t: Texts) -> dict[str, Any]:
    known = next(a.number(measure) for a in audits if measure in a.json["measures"])
    rows = []
    for a in audits:
        number = a.number(measure)
        why = why_missing(a, measure, t)
        if number or why:
            rows.append(_row(a, number, why, t))
    return {
        "name": measure,
        "title": title_of(known, t),
        "unit": unit_text(known.get("unit"), t),
        "better": known.get("better"),
        "rows": rows,
    }


def _row(source: Source, number: dict[str, Any], why: Markup | None, t: Texts) -> dict[str, Any]:
    def written(v: Any) -> Markup:
        return writing.data(v, writing.plain(v))

    def some(key: str, write: Callable[[float | None], str] = writing.plain) -> Markup | None:
        v = number.get(key)
        return None if v is None else writing.data(v, write(v))

    best = writing.best_control(number)
    difference = number.get("difference") or {}
    return {
        "label": source.label,
        "regime": source.regime,
        "value": written(number.get("value")),
        "why": (why or t("reason.unknown")) if number.get("value") is None else None,
        "interval": [written(v) for v in writing.ends_of(number)],
        "n": _over(number, t) if number.get("n") is not None else None,
        "chance": some("chance"),
        "controls": [
            (t.name("control", k), written(writing.value_of(v)), k == best)
            for k, v in (number.get("controls") or {}).items()
        ],
        "difference": [
            writing.data(difference.get(k), writing.signed(difference.get(k)))
            for k in writing.NUMBER
            if difference.get(k) is not None
        ],
        "z": some("z", writing.tenths),
        "effect": some("effect"),
    }


def _over(number: dict[str, Any], t: Texts) -> Markup:
    """Return "200 images", or as much of it as the page has words for."""
    n = writing.data(number["n"], writing.plain(number["n"]))
    key = f"over.{number.get('over') or 'images'}"
    return t.html(key, n=n) if key in t else n


def differences(sources: Sources, t: Texts) -> list[dict[str, Any]]:
    titles: dict[str, Markup] = {}
    for a in sources.audits:
        for name, number in a.json["measures"].items():
            titles.setdefault(name, title_of(number, t) or Markup.escape(name))
    blocks = []
    for name, pairs in sources.differences.items():
        rows = []
        for pair in pairs:
            number = pair.get("difference") or {}
            low, high = writing.ends_of(number)
            rows.append(
                {
                    "label": pair.get("label"),
                    "against": pair.get("against"),
                    "value": writing.data(number.get("value"), writing.signed(number.get("value"))),
                    "interval": [writing.data(v, writing.signed(v)) for v in (low, high)],
                    "clear": None not in (low, high) and (low > 0 or high < 0),
                }
            )
        if rows:
            blocks.append({"title": titles.get(name, Markup.escape(name)), "rows": rows})
    return blocks


def skipped(audits: list[Source], t: Texts) -> list[dict[str, Any]]:
    """Return what was left out, the models with the same reason on one line."""
    lines: dict[tuple[str, Markup], list[str]] = {}
    for a in audits:
        for name in a.json.get("skipped") or {}:
            lines.setdefault((name, reason_of(a, name, t)), []).append(a.label)
    return [
        {
            "name": name,
            "title": t(f"card.{name}") if f"card.{name}" in TEXTS else None,
            "labels": labels if len(labels) < len(audits) else [t("settings.all")],
            "reason": reason,
        }
        for (name, reason), labels in lines.items()
    ]
