"""One run of a sweep as a process: `python -m offmanifold.sweeps.job --parent PID CONFIG FOLDER`.

It ends with the process that started it, from its first moment on: what takes seconds to import
comes after.
"""

import argparse
import os
import sys
from pathlib import Path

from offmanifold._core.exits import guarded
from offmanifold._core.parents import end_with

INPUTS = ("judge", "second", "coach", "randomised", "weights")  # the fields of `Inputs`


def main(argv: list[str] | None = None) -> int:
    """Run the job; the exit code is that of the command line."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--parent", type=int, default=os.getppid())
    parser.add_argument("config", type=Path)
    parser.add_argument("folder", type=Path)
    for name in INPUTS:
        parser.add_argument(f"--{name}", type=Path)
    given = vars(parser.parse_args(argv))
    end_with(given.pop("parent"))

    def run() -> int:
        from offmanifold.sweeps.executors.base import Inputs
        from offmanifold.sweeps.work import carry_out

        carry_out(given.pop("config"), given.pop("folder"), Inputs(**given))
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
