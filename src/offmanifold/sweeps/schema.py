"""What the documents of a sweep hold."""

from offmanifold.sweeps import reasons  # noqa: F401 - the words of their codes
