"""Tables of a fitted manifold: its gates by noise level, and how far two halves agree."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

AGREEMENT = {
    "projection_cosine": "cosine of projections of one vector",
    "posterior_cosine": "cosine of posterior score differences (the ceiling)",
    "denoised_gap_ratio": "‖D_a − D_b‖² ÷ ‖D_a − x‖²",
}
Table = tuple[list[str], list[list[str]]]


def gates_table(gates: Sequence[Mapping[str, Any]], sigma: float | None) -> Table:
    """Return head and rows of the table of noise levels; sigma: the default one."""
    head = [
        "σ per pixel",
        "error E‖D−x‖²",
        "dimension tr J",
        "tr J ÷ (error/σ²)",
        "asymmetry",
        "error ÷ shrinkage's",
        "error ÷ Wiener's",
        "error ÷ Wiener's in hindsight",
        "usable",
    ]
    rows = [
        [
            f"{row['sigma']:g}" + (" (default)" if row["sigma"] == sigma else ""),
            f"{row['error']:.3f}",
            f"{row['trace']:.1f} [{row['trace_low']:.1f}, {row['trace_high']:.1f}]",
            f"{row['trace_ratio']:.3f}",
            f"{row['asymmetry']:.3f}",
            f"{row['shrinkage_ratio']:.3f}",
            *(_ratio(row, bound) for bound in ("wiener_error", "hindsight_error")),
            "yes" if row["passes"] else "no",
        ]
        for row in gates
    ]
    return head, rows


def _ratio(row: Mapping[str, Any], bound: str) -> str:
    """Return the error over a bound; a dash where a card saved earlier lacks it."""
    return f"{row['error'] / row[bound]:.3f}" if bound in row else "–"


def agreement_table(found: Mapping[float, Mapping[str, Any]], defaults: Set[float | None]) -> Table:
    """Return head and rows of the table of agreement by σ."""
    head = ["of the two halves", "σ per pixel", "value", "95 % interval"]
    rows = [
        [
            AGREEMENT[name],
            f"{s:g}" + (" (default)" if s in defaults else ""),
            f"{numbers[name]['value']:.3f}",
            f"{numbers[name]['low']:.3f} to {numbers[name]['high']:.3f}",
        ]
        for name in AGREEMENT
        for s, numbers in found.items()
        if name in numbers
    ]
    return head, rows
