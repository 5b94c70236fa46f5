"""Costs are told by the cheapest run, and what was kept of the run before makes none cheaper."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from recorder.dialect.paths import split
from tests.costs import MOST_RUNS, assert_cheap, assert_grows, seconds


def busy(*runs: float) -> Callable[[], None]:
    """Return what takes so many seconds of CPU, the last of them ever after."""
    left = list(runs)

    def act() -> None:
        end = time.thread_time() + (left.pop(0) if left[1:] else left[0])
        while time.thread_time() < end:
            pass

    return act


def test_a_dear_run_among_others_counts_nothing() -> None:
    assert_cheap(busy(0.05, 0.05, 0.01), below=0.03)
    assert_grows(busy(0.01), busy(0.1, 0.1, 0.02), at_most=4)


def test_what_is_always_dear_is_told() -> None:
    with pytest.raises(AssertionError, match=rf"^0\.0\d+ s of CPU at best, of {MOST_RUNS} runs"):
        assert_cheap(busy(0.02), below=0.01)
    with pytest.raises(AssertionError, match=r"^0\.0\d+ s at best against 0\.0\d+ s: \d+\.\d times as much"):
        assert_grows(busy(0.005), busy(0.04), at_most=4)


def test_in_less_than_the_floor_nothing_grows() -> None:
    assert_grows(lambda: None, busy(0.01), at_most=10, floor=0.004)


def test_no_run_finds_what_the_run_before_has_kept() -> None:
    found = []

    def act() -> None:
        found.append(split.cache_info().currsize)
        split("body.a")
        busy(0.005)()

    with pytest.raises(AssertionError):
        assert_cheap(act, below=0.001)
    assert found[1:] == [0] * (MOST_RUNS - 1)


def test_the_collector_of_garbage_rests_and_goes_on() -> None:
    was: list[bool] = []

    seconds(lambda: was.append(gc.isenabled()))

    assert (was, gc.isenabled()) == ([False], True)
