"""Denoisers of others as manifolds: one kind a file."""
