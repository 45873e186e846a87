"""Progress on stderr: one bar a job, with the numbers that tell whether it goes well."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def note(text: str) -> None:
    """Print a line for a person, on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


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


@contextlib.contextmanager
def bar(title: str, total: int, *, done: int = 0, show: bool = True) -> Iterator[Bar]:
    """Show a bar from `done` to `total`; on a pipe, one line at the end."""
    if not show:
        yield Bar(None, None)
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
        console=Console(stderr=True),
        refresh_per_second=4,
    )
    with progress:
        yield Bar(progress, progress.add_task(title, total=total, completed=done, numbers=""))
