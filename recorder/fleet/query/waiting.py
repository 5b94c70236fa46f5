"""Do work in a thread that can be left alone: DuckDB and the libraries of stores hear no Ctrl-C while they work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

THREAD = "recorder-query"  # name of the threads
_LOOK = 0.2  # seconds between two looks; on Windows, a wait without an end hears no signal


def begun(work: Callable[[], T]) -> Future[T]:
    """Begin work in a thread that does not keep the process alive; return its outcome to come."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except Exception as exc:  # noqa: BLE001  # raised again in the thread that waits
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=THREAD, daemon=True).start()
    return future


def ended(future: Future[T], look: Callable[[], None] = lambda: None) -> T:
    """Return the result of work, or raise its error; until then, `look` is called again and again, and may raise."""
    while not wait([future], _LOOK).done:
        look()
    return future.result()
