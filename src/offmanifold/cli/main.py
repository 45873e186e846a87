"""The command line: parse, run, and turn errors into one sentence and an exit code."""

import gc
import io
import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

from offmanifold._core.errors import unknown_name
from offmanifold._core.exits import guarded
from offmanifold._core.flags import as_flags
from offmanifold._core.parents import end_with_main_process
from offmanifold._core.streams import results_alone, unobeyed
from offmanifold._core.visible import visible
from offmanifold.cli import COMMANDS

ASKED = "Where is an image classifier sensitive: on the data manifold or off it?"
COMPLETION = ("--tyro-print-completion", "--tyro-write-completion")
SHELLS = ("bash", "fish", "zsh")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, 1 failed, 2 bad input, 130 interrupted.

    143 where it was ended by SIGTERM, in the same way.
    """
    end_with_main_process()
    given = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(given), as_flags)


def _run(argv: list[str]) -> int:
    name, flags = (argv[0], argv[1:]) if argv else ("--help", [])
    if name == "--version":
        from offmanifold._core.version import package_version

        print(f"offmanifold {package_version()}")
    elif name in ("-h", "--help"):
        print(help_of_all())
    elif name in COMPLETION:
        return _completion(argv)
    elif name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS)
    else:
        command, code = parsed(name, flags)
        if command is None:
            return code
        with results_alone():
            command.run()
    return 0


def help_of_all() -> str:
    """Return what `offmanifold --help` prints: the commands, none of them imported."""
    width = max(map(len, COMMANDS)) + 4
    lines = [
        textwrap.fill(
            command.summary,
            100,
            initial_indent=f"  {name}".ljust(width),
            subsequent_indent=" " * width,
        )
        for name, command in COMMANDS.items()
    ]
    return "\n".join(
        [
            ASKED,
            "",
            "usage: offmanifold COMMAND [flags]; the flags of each: offmanifold COMMAND --help",
            "",
            *lines,
            "",
            "  --version".ljust(width) + "Show the version.",
            "  --tyro-print-completion SHELL".ljust(width)
            + "  Print what completes commands and flags in bash, fish or zsh.",
        ]
    )


def parsed(name: str, flags: Sequence[str]) -> tuple[Any, int]:
    """Return a command with its flags and 0; or None and the exit code, if it is not to be run.

    Its help is printed where that was asked for; what is wrong, in three lines.
    """
    import tyro

    from offmanifold.cli.subcommands import CONFIG

    said = io.StringIO()
    cls = COMMANDS[name].load()
    try:
        with unobeyed(), redirect_stderr(said):
            return tyro.cli(cls, args=list(flags), prog=f"offmanifold {name}", config=CONFIG), 0
    except SystemExit as stop:
        for text in _in_short(said.getvalue(), name) if stop.code else ():
            print(visible(text), file=sys.stderr)
        return None, int(stop.code or 0)


def _in_short(box: str, name: str) -> list[str]:
    """Return tyro's box of an error as what is wrong, what may have been meant, where to look.

    >>> _in_short("╭─╮\\n│ No: --x │\\n│ ── │\\n│ Perhaps: │\\n│ --xy INT │\\n│ ── │", "audit")
    ['error: No: --x', 'perhaps: --xy INT', 'all flags: offmanifold audit --help']
    """
    lines = [line.strip("│ ") for line in box.splitlines() if line[:1] not in ("╭", "╰")]
    if "╭" not in box:  # drawn without borders: a title and a rule come first
        lines = lines[2:]
    rules = [i for i, line in enumerate(lines) if line and not line.strip("─-")]
    first, last = (rules[0], rules[-1]) if rules else (len(lines), len(lines))
    what = " ".join(line for line in lines[:first] if line).partition(" Got errors:")[0]
    meant = dict.fromkeys(line for line in lines[first + 1 : last] if line.startswith("--"))
    hint = f"perhaps: {', '.join(meant)}" if meant else " ".join(lines[first + 1 : last])
    help_of = f"all flags: offmanifold {name} --help"
    return [f"error: {what}", *([hint] if hint else []), help_of]


def _completion(argv: list[str]) -> int:
    """Let tyro print or write what completes all commands in a shell."""
    if len(argv) > 1 and argv[1] not in SHELLS:
        raise unknown_name("shell", argv[1], SHELLS)
    import tyro

    from offmanifold.cli.subcommands import CONFIG

    try:
        tyro.extras.subcommand_cli_from_dict(
            {name: command.load() for name, command in COMMANDS.items()},
            args=argv,
            prog="offmanifold",
            config=CONFIG,
        )
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def entry() -> None:
    """The console script; what it starts is safe too from random.py and the like in a folder."""
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    code = main()
    gc.freeze()  # or Python looks for a second through all that libraries hold before it ends
    sys.exit(code)
