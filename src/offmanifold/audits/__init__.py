"""Audits: planned, run, saved, judged by regime, and compared."""

from offmanifold.audits.regime import Regime
from offmanifold.audits.run import audit, audit_models
from offmanifold.audits.store import Audit, read_audit

__all__ = ["Audit", "Regime", "audit", "audit_models", "read_audit"]
