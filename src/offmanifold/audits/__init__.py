"""Audits: planned, run, saved, judged by regime, and compared."""
