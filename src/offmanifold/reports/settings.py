"""The settings of the audits, each once where all share it."""

from typing import Any

from offmanifold.reports import writing
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import TEXTS, Texts
from offmanifold.reports.wording import unit_text


def blocks_of_settings(audits: list[Source], t: Texts) -> list[dict[str, Any]]:
    """Return the settings of each part; a value that all models share is given once."""
    blocks = []
    parts = {"model": "model", "data": "data", "manifold": "manifold", "audit": "settings"}
    for title, part in parts.items():
        saved = [a.json.get(part) or {} for a in audits]
        keys = list(dict.fromkeys(k for s in saved for k in s if not k.endswith("_unit")))
        rows = []
        for key in keys:
            values = [_with_unit(s, key, t) for s in saved]
            same = len(set(values)) == 1
            red = [key == "independent" and s.get(key) is False for s in saved]
            name = t(f"key.{key}") if f"key.{key}" in TEXTS else None
            shared = values[:1] if same else values
            rows.append(
                {
                    "key": key,
                    "name": name,
                    "same": same,
                    "cells": list(zip(shared, red, strict=False)),
                }
            )
        if rows:
            same = all(row["same"] for row in rows)
            blocks.append({"title": t(f"settings.{title}"), "rows": rows, "same": same})
    return blocks


def written_setting(value: Any, t: Texts) -> str:
    """Write one setting in a line."""
    if value is None:
        return writing.NONE
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, float):
        return writing.short(value)
    if isinstance(value, dict):
        parts = [v if k == "name" else f"{k} = {written_setting(v, t)}" for k, v in value.items()]
        return ", ".join(str(p) for p in parts)
    if isinstance(value, list):
        if len(value) > 12:
            return f"{len(value)}"
        whole = value and all(isinstance(v, int) for v in value)
        return (" × " if whole else ", ").join(written_setting(v, t) for v in value) or writing.NONE
    return str(value)


def _with_unit(saved: dict[str, Any], key: str, t: Texts) -> str:
    value = saved.get(key)
    if key == "gradient":
        return t.name("gradient", str(value))
    if key == "split":
        return t.name("split", str(value))
    unit = saved.get(f"{key}_unit") or saved.get(f"{key.split('_')[-1]}_unit")
    text = written_setting(value, t)
    return text + t("brackets", text=unit_text(unit, t).striptags()) if unit else text
