"""Errors as one sentence and an exit code: of the command line, and of the jobs of a sweep."""

import logging
import sys
import tempfile
import traceback
from collections.abc import Callable

from offmanifold._core.errors import InputError, RunError, of_the_system
from offmanifold._core.faults import asked_for, place_of, told
from offmanifold._core.interrupts import signals_raise
from offmanifold._core.log import notes_printed
from offmanifold._core.streams import Steady, steady_streams, unsaid
from offmanifold._core.visible import visible

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def guarded(run: Callable[[], int], spoken: Callable[[str], str] = str) -> int:
    """Return what `run` returns, or say its error in one sentence and return the exit code.

    spoken: takes a sentence of the library into the words of who runs it.
    """
    with steady_streams() as (out, _):
        code = _guarded(run, out, spoken)
    return code or (FAILED if out.failed else 0)


def _guarded(run: Callable[[], int], out: Steady, spoken: Callable[[str], str]) -> int:
    logging.basicConfig(level=logging.WARNING, handlers=[_Notes()])
    try:
        with signals_raise(), notes_printed(spoken):
            code = run()
            out.flush()  # a reader that is gone is met here, not at the interpreter's end
            if code == 0 and out.failed and not isinstance(out.failed, BrokenPipeError):
                raise unsaid(out.failed)
            return code
    except InputError as error:
        return _say(f"error: {spoken(str(error))}", BAD_INPUT)
    except RunError as error:
        return _say(f"error: {spoken(str(error))}", FAILED)
    except KeyboardInterrupt as error:
        said = "interrupted; what was finished is kept, the same command goes on"
        return _say(said, getattr(error, "code", INTERRUPTED))
    except SystemExit as error:  # of a model of the user's own: it would end without a word
        if (place := place_of(error, asked_for)) is None:
            raise
        return _say(f"error: the model ended the process, at {place}; mend it there", BAD_INPUT)
    except Exception as error:  # a bug: one sentence, and the traceback where it can be found
        if place_of(error, asked_for) is not None:  # of a model or denoiser of the user's own
            return _say(f"error: {told(error)}; mend it there ({_log(error)})", BAD_INPUT)
        if isinstance(error, OSError) and (system := of_the_system(error)):
            code = BAD_INPUT if isinstance(system, InputError) else FAILED
            return _say(f"error: {spoken(str(system))}", code)
        return _say(f"bug: {type(error).__name__}: {error} ({_log(error)})", FAILED)


def _say(text: str, code: int) -> int:
    print(visible(text), file=sys.stderr)
    return code


class _Notes(logging.Handler):
    """What libraries log is said as everything else is."""

    def emit(self, record: logging.LogRecord) -> None:
        print(visible(record.getMessage()), file=sys.stderr)


def _log(error: Exception) -> str:
    """Return where the traceback of a bug lies; its last line where no folder takes a log."""
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            prefix="offmanifold-",
            suffix=".log",
            delete=False,
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"in {frame.filename}, line {frame.lineno}; no folder takes a log: set TMPDIR"
    return f"traceback: {file.name}"
