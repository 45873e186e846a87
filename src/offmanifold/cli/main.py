"""The command line: parse, run, and turn errors into one sentence and an exit code."""

import gc
import os
import sys
from collections.abc import Sequence

from offmanifold._core.errors import unknown_name
from offmanifold._core.exits import guarded
from offmanifold._core.parents import end_with_main_process
from offmanifold._core.streams import results_alone, unobeyed

ASKED = "Where is an image classifier sensitive: on the data manifold or off it?"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 failed, 2 bad input, 130 interrupted.

    143 where it was ended by SIGTERM, in the same way.
    """
    end_with_main_process()
    given = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(given))


def _run(argv: list[str]) -> int:
    import tyro  # these take seconds, in which Ctrl-C is to be answered too

    from offmanifold._core.runs import package_version
    from offmanifold.cli import COMMANDS
    from offmanifold.cli.subcommands import CONFIG

    if argv[:1] == ["--version"]:
        print(f"offmanifold {package_version()}")
        return 0
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise unknown_name("command", argv[0], COMMANDS)
    try:
        with unobeyed():
            command = tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                args=argv,
                prog="offmanifold",
                description=ASKED,
                config=CONFIG,
            )
    except SystemExit as stop:  # tyro has printed help, or what is wrong
        return int(stop.code or 0)
    with results_alone():
        command.run()
    return 0


def entry() -> None:
    """The console script; what it starts is safe too from random.py and the like in a folder."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    code = main()
    gc.freeze()  # or Python looks for a second through all that libraries hold before it ends
    sys.exit(code)
