"""Bring what happens in a command to its live page: a thread of its own works, so that the command never waits.

The command puts what happens into a queue, which takes a microsecond. If the thread cannot follow, what is too much is
left out and counted: a recording must not be held up by those who look at it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Generic, Protocol, TypeVar

from .log import Delta, Log

T = TypeVar("T")

MOST = 20_000  # things that wait for the thread
MOST_BYTES = 64 << 20  # of them
_EVERY = 0.1  # seconds between two looks into the queue
_BATCH = 50  # things that are taken at once, while readers wait
_BREATH = 0.0005  # seconds after each batch, in which the command goes on


class Feed(Protocol):
    """A feed that turns records, or steps of a stand-in, into deltas for a live page."""

    def take(self) -> Delta:
        """Return what changed since the last call."""

    def whole(self) -> Delta:
        """Return all there is, as one delta for a page that knows nothing."""


class Pump(Generic[T]):
    """A queue, a thread that feeds what is in it, and the log of deltas that it makes.

    Attributes:
        log: The deltas.
        lost: Number of things that were left out.
        broken: What went wrong in the thread, which then does nothing more; "" as long as nothing did.

    """

    def __init__(
        self, feed: Callable[[T], None], tick: Callable[[], bool], take: Callable[[], Delta], log: Log
    ) -> None:
        """Start with an empty queue, and no thread.

        Args:
            feed: Takes a thing.
            tick: Is called ten times a second; returns whether a delta is due although nothing happened.
            take: Returns the next delta.
            log: Where the deltas go.

        """
        self._feed, self._tick, self._take, self.log = feed, tick, take, log
        self._queue: deque[tuple[T, int]] = deque()
        self._put = self._taken = 0  # bytes; each is changed by one thread only
        self.lost, self.broken = 0, ""
        self._ending = Event()
        self._thread = Thread(target=self._run, name="live page", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, thing: T, size: int = 0) -> None:
        """Add a thing of some bytes, or count it as lost if there is no room; returns at once."""
        if self.broken:
            return
        if len(self._queue) >= MOST or self._put - self._taken + size > MOST_BYTES:
            self.lost += 1
            return
        self._put += size
        self._queue.append((thing, size))

    def end(self, last: Delta, limit: float) -> None:
        """Tell what is still in the queue and a last delta; wait some seconds at most."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(limit)
            if self._thread.is_alive():  # it holds the log; the pages learn of the end by the end of the server
                return
        self.log.close(last)

    def _run(self) -> None:
        try:
            while not self._ending.wait(_EVERY):
                self._turn()
            self._turn()
        except Exception as exc:  # noqa: BLE001  # a fault of the page must not end the command, and is told on the page
            self.broken = f"the page gets no more updates: {exc!r}; the recording or replay goes on"
            self._queue.clear()
            self.log.publish({"state": {"broken": self.broken}})

    def _turn(self) -> None:
        """Feed what is in the queue, batch by batch."""
        while self._batch() and not self._ending.wait(_BREATH):
            pass
        while self._ending.is_set() and self._batch():
            pass

    def _batch(self) -> bool:
        """Feed some things, and tell what changed; return whether there may be more."""
        with self.log.changing():
            count = 0
            while count < _BATCH and self._queue:
                thing, size = self._queue.popleft()
                self._feed(thing)
                self._taken += size
                count += 1
            if self._tick() or count:
                self.log.publish(self._take())
        return count == _BATCH


def state(delta: Delta, more: dict[str, Any]) -> Delta:
    """Return a delta with more facts in its `state`."""
    return delta | {"state": delta.get("state", {}) | more}
