"""Sweeps: one objective at several strengths and seeds, and how much robustness is right."""
