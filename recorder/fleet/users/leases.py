"""Lend each user a row of values of its own: one place lends them, also to the users of several workers."""

from __future__ import annotations

import heapq
from collections.abc import Collection


class Leases:
    """Rows that are lent, the first free one first.

    Args:
        count: Number of rows; None for values that all users share, of which there are enough for all.
    """

    def __init__(self, count: int | None) -> None:
        self._count, self._next = count, 0
        self._free: list[int] = []
        self._lent: dict[int, str] = {}  # to which worker

    def take(self, worker: str, workers: Collection[str]) -> int | None:
        """Lend a row; None if all are lent.

        Args:
            worker: Id of the worker whose user takes it.
            workers: Ids of all workers that are there; the rows of others come back.
        """
        if self._count is not None and self._next >= self._count and not self._free:
            for number in [number for number, owner in self._lent.items() if owner not in workers]:
                self.give(number)
        if self._free:
            number = heapq.heappop(self._free)
        elif self._count is None or self._next < self._count:
            number, self._next = self._next, self._next + 1
        else:
            return None
        self._lent[number] = worker
        return number

    def give(self, number: int) -> None:
        """Take a row back."""
        if self._lent.pop(number, None) is not None:
            heapq.heappush(self._free, number)
