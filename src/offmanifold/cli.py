"""The command line: parse, run, and turn errors into one sentence and an exit code."""

import gc
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from offmanifold.errors import InputError, RunError, of_the_system, unknown_name
from offmanifold.faults import asked_for, place_of, told
from offmanifold.interrupts import signals_raise
from offmanifold.parents import end_with_main_process

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 failed, 2 bad input, 130 interrupted.

    143 where it was ended by SIGTERM, in the same way.
    """
    end_with_main_process()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    given = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(given))


def guarded(run: Callable[[], int]) -> int:
    """Return what `run` returns, or say its error in one sentence and return the exit code."""
    try:
        with signals_raise():
            code = run()
            sys.stdout.flush()  # a reader that is gone is met here, not at the interpreter's end
            return code
    except InputError as error:
        return _say(f"error: {error}", BAD_INPUT)
    except RunError as error:
        return _say(f"error: {error}", FAILED)
    except KeyboardInterrupt as error:
        said = "interrupted; what was finished is kept, the same command goes on"
        return _say(said, getattr(error, "code", INTERRUPTED))
    except Exception as error:  # a bug: one sentence, and the traceback where it can be found
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            return FAILED
        if place_of(error, asked_for) is not None:  # of a model or denoiser of the user's own
            return _say(f"error: {told(error)}; mend it there (traceback: {_log()})", BAD_INPUT)
        if isinstance(error, OSError) and (system := of_the_system(error)):
            return _say(f"error: {system}", BAD_INPUT if isinstance(system, InputError) else FAILED)
        return _say(f"bug: {type(error).__name__}: {error} (traceback: {_log()})", FAILED)


def _run(argv: list[str]) -> int:
    import tyro  # these take seconds, in which Ctrl-C is to be answered too

    from offmanifold.commands import COMMANDS
    from offmanifold.commands.subcommands import CONFIG
    from offmanifold.runs import package_version

    if argv[:1] == ["--version"]:
        print(f"offmanifold {package_version()}")
        return 0
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise unknown_name("command", argv[0], COMMANDS)
    try:
        command = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            args=argv,
            prog="offmanifold",
            description="Where is an image classifier sensitive: on the data manifold or off it?",
            config=CONFIG,
        )
    except SystemExit as stop:  # tyro has printed help, or what is wrong
        return int(stop.code or 0)
    command.run()
    return 0


def _reader_is_gone() -> bool:
    """Whether nobody reads stdout any more, as in `| head`; what is left to say is dropped then.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe; other pipes break by a fault.
    """
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


def _log() -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="offmanifold-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exc(file=file)
    return Path(file.name)


def entry() -> None:
    """The console script; what it starts is safe too from random.py and the like in a folder."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    code = main()
    gc.freeze()  # or Python looks for a second through all that libraries hold before it ends
    sys.exit(code)
