"""Time two ways to the same result, pair by pair, each in a process of its own.

In one process both would gain by what one of them asks of the C library
(`offmanifold._core.memory`).
"""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

from benchmarks.speed import RACES, Race
from offmanifold._core.memory import freed_memory_kept

PAIRS = 9
SECONDS = 1.0  # about, of each side of a pair
_here: dict[str, Race] = {}  # the race of a worker


def measure(number: int) -> dict[str, Any]:
    """Return a race's median ratio over PAIRS pairs, timed one after the other, and its range."""
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, context) as for_ours,
        ProcessPoolExecutor(1, context) as for_plain,
    ):

        def pair() -> tuple[tuple[float, np.ndarray], tuple[float, np.ndarray]]:
            ours = for_ours.submit(_run, number, "ours").result()
            return ours, for_plain.submit(_run, number, "plain").result()

        race = RACES[number]()
        (_, ours), (_, plain) = pair()
        race.check(torch.from_numpy(ours), torch.from_numpy(plain))
        timed = [pair() for _ in range(PAIRS)]
    ratios = [plain / (ours * race.share) for (ours, _), (plain, _) in timed]
    return {
        "name": race.name,
        "ratio": round(statistics.median(ratios), 2),
        "low": round(min(ratios), 2),
        "high": round(max(ratios), 2),
        "target": race.target,
        "unit": "times as fast as the plain way",
    }


def _run(number: int, side: str) -> tuple[float, np.ndarray]:
    """Run one side in its worker; return the seconds it takes and its first result.

    It is repeated for about SECONDS, so that the pauses between the sides do not count.
    """
    if "race" not in _here:
        _here["race"] = RACES[number]()
        if side == "ours":
            freed_memory_kept().__enter__()  # for as long as the worker lives, as in our loops
    act = getattr(_here["race"], side)
    start = time.perf_counter()
    result, times = act(), 1
    while time.perf_counter() - start < SECONDS:
        act()
        times += 1
    return (time.perf_counter() - start) / times, result.detach().numpy()
