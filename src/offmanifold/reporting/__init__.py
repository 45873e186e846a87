"""Self-contained pages and small tables, made from saved audits and summaries only."""

from offmanifold.reporting.page import report
from offmanifold.reporting.rows import Table, masked_gradients, table
from offmanifold.reporting.sweep import (
    draw_sweep,
    explains_table,
    read_summary,
    recommendation_sentences,
    recommendation_table,
    sweep_boundaries,
    sweep_page,
    sweep_tables,
)

__all__ = [
    "Table",
    "draw_sweep",
    "explains_table",
    "masked_gradients",
    "read_summary",
    "recommendation_sentences",
    "recommendation_table",
    "report",
    "sweep_boundaries",
    "sweep_page",
    "sweep_tables",
    "table",
]
