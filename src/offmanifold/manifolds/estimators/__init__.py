"""Estimators of the data manifold: one a file."""
