"""One run of a sweep as a process: `python -m offmanifold.sweeps.job --parent PID CONFIG FOLDER`.

It ends with the process that started it, from its first moment on: what takes seconds to import
comes after.
"""

import argparse
import os
import sys

from offmanifold._core.exits import guarded
from offmanifold._core.parents import end_with


def main(argv: list[str] | None = None) -> int:
    """Run the job; the exit code is that of the command line."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--parent", type=int, default=os.getppid())
    own, others = parser.parse_known_args(argv)
    end_with(own.parent)

    def run() -> int:
        from offmanifold.sweeps.work import carry_out

        return carry_out(others)

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
