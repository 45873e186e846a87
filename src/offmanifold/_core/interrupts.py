"""Ctrl-C, and what else asks a process to end: at once, or after the step that is under way."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Ended(KeyboardInterrupt):
    """A process was asked to end by a signal; handled wherever Ctrl-C is.

    code: of the process's exit, as shells give it.
    """

    def __init__(self, signum: int = signal.SIGINT):
        super().__init__()
        self.code = 128 + signum


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise `Ended`, as Ctrl-C raises KeyboardInterrupt.

    One that is ignored, as under nohup, is ignored still.
    """

    def handle(signum: int, frame: FrameType | None) -> None:
        raise Ended(signum)

    with _handled_by(handle, [s for s in ENDING if s != signal.SIGINT]):
        yield


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], KeyboardInterrupt | None]]:
    """Let Ctrl-C and its like wait for the end of a step; the same signal again stops at once.

    Yields what to raise if one came, else None.
    """
    came: list[int] = []

    def handle(signum: int, frame: FrameType | None) -> None:
        if signum in came:
            raise Ended(signum)
        came.append(signum)

    with _handled_by(handle, ENDING):
        yield lambda: Ended(came[0]) if came else None


@contextlib.contextmanager
def _handled_by(handle: Callable[[int, FrameType | None], Any], which: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.getsignal(s) for s in which}
    # None is a handler that is not Python's, which could not be put back
    before = {s: old for s, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for s in before:
            signal.signal(s, handle)
        yield
    finally:
        for s, old in before.items():
            signal.signal(s, old)
