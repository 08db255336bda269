"""Times of several doers of one thing: interleaved rounds, medians, CPU time.

A shared machine varies by a factor of two within a minute. So all doers of a row take turns,
a short batch each, and what counts is each one's median batch. Time is the process's own CPU
time, which other processes do not add to.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping

ROUNDS = 21
BATCH_SECONDS = 0.01


def microseconds(doers: Mapping[str, Callable[[], object]], per_call: int = 1) -> dict[str, float]:
    """Median time of each doer's call, in us, divided by per_call (things done in one call)."""
    sizes = {name: _batch_size(doer) for name, doer in doers.items()}
    times: dict[str, list[float]] = {name: [] for name in doers}
    for _ in range(ROUNDS):
        for name, doer in doers.items():
            times[name].append(_batch(doer, sizes[name]))
    return {
        name: statistics.median(found) / sizes[name] / per_call * 1e6
        for name, found in times.items()
    }


def _batch(doer: Callable[[], object], size: int) -> float:
    gc.collect()
    calls = range(size)
    begin = time.process_time()
    for _ in calls:
        doer()
    return time.process_time() - begin


def _batch_size(doer: Callable[[], object]) -> int:
    size = 1
    while True:
        spent = _batch(doer, size)
        if spent >= BATCH_SECONDS / 4:
            return max(1, int(size * BATCH_SECONDS / spent))
        size *= 4
