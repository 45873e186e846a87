"""What packages from outside add: entry points, loaded when a vocabulary is first looked into."""

import logging
from importlib.metadata import entry_points

LOGGER = logging.getLogger("offmanifold")
PREFIX = "offmanifold."


def load_plugins(kind: str) -> None:
    """Import the entry points of a group (`objectives` …), which register themselves.

    One that cannot be imported is named and left out: a broken package breaks nothing else.
    """
    for point in entry_points(group=PREFIX + kind):
        try:
            point.load()
        except Exception as error:  # whatever code of others does
            LOGGER.warning(
                "%s of %s is left out: it cannot be imported (%s: %s)",
                point.name,
                point.value.partition(":")[0],
                type(error).__name__,
                error,
            )
