"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "OFFMANIFOLD_PARENT"  # process id, for the processes of one training
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
EVERY = 0.5  # seconds between two looks


def end_with(parent: int) -> None:
    """End this process as soon as its parent, of this process id, is gone; at once if it is."""
    if sys.platform == "linux":  # at once, in the midst of an import too
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        print(f"process {parent}, which started this one, is gone", file=sys.stderr, flush=True)
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def end_with_main_process() -> None:
    """Do so in a process that another of the same training has started; elsewhere name this one.

    A collective whose main process was killed may wait for half an hour.
    """
    if int(os.environ.get("LOCAL_RANK") or 0) == 0:
        os.environ[PARENT] = str(os.getpid())
    elif PARENT in os.environ:
        end_with(int(os.environ[PARENT]))


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
