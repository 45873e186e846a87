"""A sweep's summary.json, read for pages and figures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json
from offmanifold.reports.texts import Texts

SCHEMA = "offmanifold.sweep-summary/"


def read_summary(path: Path | str) -> dict[str, Any]:
    """Return a sweep's summary.json. Raises InputError where it is none."""
    saved = read_json(Path(path))
    if not isinstance(saved, dict) or not str(saved.get("schema", "")).startswith(SCHEMA):
        raise InputError(f"{path} is no summary of a sweep; give the summary.json that sweep made")
    return saved


def columns_of(
    summary: dict[str, Any],
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield every objective with its points, the standard model's first."""
    first = [] if summary["standard"] is None else [summary["standard"]]
    if not summary["methods"]:
        yield {"objective": "erm", "strength": "", "boundaries": {}}, first
    for method in summary["methods"]:
        yield method, [*first, *method["points"]]


def points_of(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [point for _, points in columns_of(summary) for point in points]


def title_of(method: dict[str, Any], t: Texts) -> str:
    return t("sweep.method", objective=method_name(method), field=method["strength"])


def method_name(method: dict[str, Any]) -> str:
    """Return a method's label as it is typed."""
    return typed(method.get("label") or method["objective"])


def typed(label: str) -> str:
    """Write the name in a label as it is typed, its fields as they are.

    >>> typed("gradient_norm (of=log_prob)")
    'gradient-norm (of=log_prob)'
    """
    name, bracket, fields = label.partition(" (")
    return name.replace("_", "-") + bracket + fields
