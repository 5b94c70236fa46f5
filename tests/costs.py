"""What a call costs, measured so that a busy machine cannot make it look dearer.

CPU time too grows with what else the machine does: caches and cores are shared, and the collector of
garbage looks through all that other tests hold. Nothing makes it shorter, so the least of several runs is the cost.
"""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Callable

MOST_RUNS = 5
Act = Callable[[], object]


def seconds(act: Act) -> float:
    """Return the CPU seconds of this thread that one call takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        began = time.thread_time()
        act()
        return time.thread_time() - began
    finally:
        if was_on:
            gc.enable()


def assert_cheap(act: Act, *, below: float) -> None:
    """Fail unless a call can be done in less than so many CPU seconds."""
    least = _least(act, below)
    assert least < below, f"{least:.3f} s of CPU at best, of {MOST_RUNS} runs"


def assert_grows(small: Act, large: Act, *, at_most: float, floor: float = 0.002) -> None:
    """Fail unless a large call costs at most so many times what a small one costs.

    Args:
        floor: The least seconds that count for the small one: in less time the clock counts more than the call.
    """
    few = max(min(seconds(small) for _ in range(3)), floor)
    many = _least(large, at_most * few)
    assert many < at_most * few, f"{many:.4f} s at best against {few:.4f} s: {many / few:.1f} times as much"


def _least(act: Act, enough: float) -> float:
    """Return the seconds of the cheapest of some runs, or of the first that costs little enough."""
    least = seconds(act)
    for _ in range(MOST_RUNS - 1):
        if least < enough:
            break
        _forget()
        least = min(least, seconds(act))
    return least


def _forget() -> None:
    """Empty the caches of the package: a second run shall do the work of the first."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper) and (one.__module__ or "").startswith("recorder."):
            one.cache_clear()
