from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from recorder.api.threads import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    started = LoopThread()
    yield started
    started.stop()


def test_a_coroutine_runs_in_the_thread_and_its_result_comes_back(thread: LoopThread) -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert thread.run(name()) == "recorder stand-in"


def test_an_error_comes_back_too(thread: LoopThread) -> None:
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)


def test_what_takes_too_long_is_cancelled(thread: LoopThread) -> None:
    ended = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        thread.run(waits(), 0.01)
    assert ended.wait(5)


def test_when_the_thread_has_ended_a_call_is_made_at_once() -> None:
    thread = LoopThread()
    thread.stop()

    assert thread.call(threading.current_thread) is threading.current_thread()
