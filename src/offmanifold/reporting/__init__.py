"""One self-contained page, and one small table, made from saved audits only."""

from offmanifold.reporting.page import report
from offmanifold.reporting.rows import Table, masked_gradients, table

__all__ = ["Table", "masked_gradients", "report", "table"]
