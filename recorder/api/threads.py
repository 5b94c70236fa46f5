"""An event loop in a thread of its own: tests may be sync, async, or block in a client, and are served all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 30.0  # seconds in which the loop must have done what it was asked; it never waits for a test


class LoopThread:
    """Runs coroutines and calls for other threads."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="recorder stand-in", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float | None = _PATIENCE) -> T:
        """Run a coroutine in the loop, and wait for its result.

        Raises:
            TimeoutError: If it takes longer than `limit` seconds; None waits as long as it takes.

        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(limit)
        except TimeoutError:
            future.cancel()
            raise

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in the loop's thread, where it sees nothing half done; here when the thread has ended."""
        if not self._thread.is_alive():
            return function(*arguments)

        async def called() -> T:
            return function(*arguments)

        return self.run(called())

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
