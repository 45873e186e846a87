"""Executors: where the jobs of a sweep are run; one a file, and a line below."""

from offmanifold.sweeps.executors.base import Event, Executor, Inputs, Job, read_outcome
from offmanifold.sweeps.executors.local import Local

__all__ = ["Event", "Executor", "Inputs", "Job", "Local", "read_outcome"]
