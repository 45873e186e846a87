"""What the library says on its way: the logger `offmanifold`, which the command line prints.

In Python, `logging.basicConfig(level="INFO")` shows it.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

from offmanifold._core.progress import line

LOGGER = logging.getLogger("offmanifold")


def note(text: str) -> None:
    """Log a line for a person."""
    LOGGER.info(text)


class Lines(logging.Handler):
    """Prints each message as a line on stderr, as whatever stream stderr is then."""

    def __init__(self, spoken: Callable[[str], str] = str):
        super().__init__()
        self.spoken = spoken

    def emit(self, record: logging.LogRecord) -> None:
        line(self.spoken(record.getMessage()))


@contextlib.contextmanager
def notes_printed(spoken: Callable[[str], str] = str) -> Iterator[None]:
    """Print what the library says within; spoken: takes it into the words of who reads it."""
    before = LOGGER.handlers, LOGGER.level, LOGGER.propagate
    LOGGER.handlers, LOGGER.propagate = [Lines(spoken)], False
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.handlers, LOGGER.level, LOGGER.propagate = before
