"""What takes too long is hurried, once, and a later block is not."""

from __future__ import annotations

import signal
import threading
import time

from recorder.capture.mitm.large.deadline import hurried


def test_a_block_that_takes_long_is_hurried() -> None:
    called: list[int] = []
    before = signal.getsignal(signal.SIGALRM)

    with hurried(lambda: called.append(1), 0.01):
        end = time.monotonic() + 10
        while not called and time.monotonic() < end:
            sum(range(100))

    assert called == [1]
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_block_that_ends_in_time_is_not_hurried() -> None:
    called: list[int] = []
    with hurried(lambda: called.append(1), 60):
        pass

    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert called == []


def test_in_another_thread_the_block_takes_its_time() -> None:
    passed: list[bool] = []

    def run() -> None:
        with hurried(lambda: passed.append(False), 0.001):
            passed.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert passed == [True]
