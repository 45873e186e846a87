"""Self-contained pages and small tables, made from saved audits and summaries only."""

from offmanifold.reports.credits import uncredited
from offmanifold.reports.page import report
from offmanifold.reports.recommendation import recommendation_sentences, recommendation_table
from offmanifold.reports.rows import Table, controlled_table, masked_gradients, table
from offmanifold.reports.sweep import (
    all_collapsed,
    explains_table,
    sweep_boundaries,
    sweep_ceiling,
    sweep_page,
    sweep_tables,
)
from offmanifold.reports.sweep_figure import draw_sweep
from offmanifold.reports.sweep_summary import method_name, read_summary
from offmanifold.reports.synthesis import synthesis_page
from offmanifold.reports.wording import regime_reason, skipped_lpips

__all__ = [
    "Table",
    "all_collapsed",
    "controlled_table",
    "draw_sweep",
    "explains_table",
    "masked_gradients",
    "method_name",
    "read_summary",
    "recommendation_sentences",
    "recommendation_table",
    "regime_reason",
    "report",
    "skipped_lpips",
    "sweep_boundaries",
    "sweep_ceiling",
    "sweep_page",
    "sweep_tables",
    "synthesis_page",
    "table",
    "uncredited",
]
