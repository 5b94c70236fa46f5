"""Number what is told to pages, so that a page that was away gets what it missed, or the whole anew.

Readers wait here in threads of their own; who writes never waits for a reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any, TypeAlias

Delta: TypeAlias = dict[str, Any]

_KEPT = 200  # deltas, for pages that come back; some ten are made in a second


class Log:
    """The last deltas of a live page, each with its number in `id`.

    Attributes:
        is_closed: No more deltas come.

    """

    def __init__(self, whole: Callable[[], Delta], kept: int = _KEPT) -> None:
        """Begin without deltas.

        Args:
            whole: Returns one delta that holds all there is to show; is called while nothing is changed.
            kept: Number of deltas to keep.

        """
        self._whole, self._deltas = whole, deque[Delta](maxlen=kept)
        self._changed = Condition()
        self._last = 0
        self.is_closed = False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep readers away while the state behind the deltas changes, up to its delta."""
        with self._changed:
            yield

    def publish(self, delta: Delta) -> None:
        """Add a delta, and wake the readers."""
        with self._changed:
            self._last += 1
            self._deltas.append({"id": self._last, **delta})
            self._changed.notify_all()

    def close(self, delta: Delta | None = None) -> None:
        """Add a last delta, and wake the readers for good."""
        with self._changed:
            if delta is not None and not self.is_closed:
                self.publish(delta)
            self.is_closed = True
            self._changed.notify_all()

    def since(self, number: int, timeout: float) -> list[Delta] | None:
        """Return the deltas after one; wait for the next if there is none. None: all was told, and no more will come.

        Args:
            number: Number of the last delta that the page knows; 0 for a page that knows nothing. If what follows it
                is not kept, all is told anew, in one delta with `reset`.
            timeout: Seconds to wait at most.

        """
        with self._changed:
            if number == self._last and number > 0:
                self._changed.wait_for(lambda: self._last > number or self.is_closed, timeout)
            first = self._last - len(self._deltas) + 1
            if number == self._last and self.is_closed and number > 0:
                return None
            if first <= number + 1 <= self._last + 1 and number > 0:
                return [delta for delta in self._deltas if delta["id"] > number]
            self._last = max(self._last, 1)  # 0 would mean that the page knows nothing
            return [{"id": self._last, "reset": True, **self._whole()}]
