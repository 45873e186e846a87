"""Images that those who make images are given."""

from galleries import files  # noqa: F401 (a fixture)
