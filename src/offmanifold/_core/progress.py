"""Progress on stderr: one bar a job, with the numbers that tell whether it goes well.

Of several processes that run one command only the main one speaks.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from offmanifold._core.streams import encodable
from offmanifold._core.visible import visible

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK")  # set by launchers of processes


def is_main_process() -> bool:
    """Return whether this is the only process of its command, or the first of several."""
    return all(os.environ.get(name, "0") in ("0", "") for name in RANKS)


def console(stream: TextIO, **options: Any) -> Console:
    """Return a console to which all text is text: no markup, no names of emoji."""
    return Console(file=stream, highlight=False, markup=False, emoji=False, **options)


def shown(text: str, stream: TextIO) -> Text:
    """Return one line of text as this stream can show it; see `visible`."""
    return Text(encodable(visible(text), stream.encoding))


def line(text: str) -> None:
    """Print a line for a person, on stderr."""
    if is_main_process():
        console(sys.stderr, soft_wrap=True).print(shown(text, sys.stderr))


class Bar:
    """A bar that may be silent; `advance` takes numbers to show beside it."""

    def __init__(self, progress: Progress | None, task):
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, /, **numbers: float) -> None:
        """Move on by `steps`; numbers replace what is shown."""
        if self._progress is not None:
            self._progress.update(self._task, advance=steps)
            if numbers:
                shown = "  ".join(f"{k} {v:.4g}" for k, v in numbers.items())
                self._progress.update(self._task, numbers=shown)


class Unnumbered(Bar):
    """The steps of a bar without its numbers: they would be those of a part of the work alone."""

    def __init__(self, bar: Bar):
        self._bar = bar

    def advance(self, steps: int = 1, /, **numbers: float) -> None:
        """Move on by `steps`."""
        self._bar.advance(steps)


@contextlib.contextmanager
def bar(title: str, total: int, *, done: int = 0, show: bool = True) -> Iterator[Bar]:
    """Show a bar from `done` to `total`; on a pipe, one line at the end."""
    if not show or not is_main_process():
        yield Bar(None, None)
        return
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
        console=console(sys.stderr),
        refresh_per_second=4,
    )
    with progress:
        yield Bar(
            progress,
            progress.add_task(
                str(shown(title, sys.stderr)), total=total, completed=done, numbers=""
            ),
        )


@contextlib.contextmanager
def live_table(
    names: Sequence[str], *, done: Sequence[str] = ()
) -> Iterator[Callable[[str, str, str | None], None]]:
    """Show what becomes of jobs: yields a function of name, state and an error or None.

    A table that moves on a terminal; on a pipe a line a change.
    """
    states: dict[str, tuple[str, str | None, float]] = dict.fromkeys(names, ("waiting", None, 0.0))
    states |= dict.fromkeys(done, ("was there", None, 0.0))
    screen = console(sys.stderr)

    def table() -> Table:
        made = Table("run", "state", "seconds", "")
        for name, (state, error, since) in states.items():
            seconds = f"{time.monotonic() - since:.0f}" if state == "started" else ""
            made.add_row(*(shown(c, sys.stderr) for c in (name, state, seconds, error or "")))
        return made

    def tell(name: str, state: str, error: str | None) -> None:
        states[name] = (state, error, time.monotonic())
        if not screen.is_terminal:
            ended = sum(s not in ("waiting", "started") for s, _, _ in states.values())
            line(f"[{ended}/{len(states)}] {name}: {state}" + (f" ({error})" if error else ""))

    if not screen.is_terminal:
        yield tell
        return
    with Live(get_renderable=table, console=screen, refresh_per_second=2):
        yield tell
