"""Tell what a client is about to do, where the order is known that a schedule once brought about.

A virtual clock moves when no client has anything to say. On a busy machine a client may only be slow. Where an earlier
run of the same schedule is known, it is known what the client said there before the next item left.
"""

from __future__ import annotations

from collections.abc import Sequence

from .items import PLAIN, REQUEST


class Expected:
    """The requests and items of an earlier run, by their names in their order."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Expect what came in the earlier run; without names expect nothing.

        Runs of earlier versions do not name what is no operation. By them, nothing of it is counted.
        """
        self._counts_plain = any(name.startswith(PLAIN) for name in names)
        self._items: list[str] = []
        self._requests: list[int] = []  # how many requests came before each item
        count = 0
        for name in names:
            if name.startswith(REQUEST):
                count += 1
            else:
                self._items.append(name)
                self._requests.append(count)
        self._came = self._left = 0

    def came(self, request: str) -> None:
        """Note a request by its name."""
        self._came += self._counts_plain or not request.startswith(PLAIN)

    def left(self, number: int, plain: int = 0) -> None:
        """Note how many acks and events have left, and how many answers to requests that are no operations."""
        self._left = number + (plain if self._counts_plain else 0)

    @property
    def item(self) -> str:
        """Name of the item that left next in the earlier run, "" if that is unknown."""
        return self._items[self._left] if self._left < len(self._items) else ""

    @property
    def is_request(self) -> bool:
        """True if a request came in the earlier run before the next item left."""
        return self._left < len(self._requests) and self._came < self._requests[self._left]

    def forget(self) -> None:
        """Expect nothing any more: this run is another one."""
        self._items.clear()
        self._requests.clear()
