"""What is due when, for very many things: the first is found without looking at the others."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_FEW = 64  # outdated entries are no burden


@dataclass(slots=True)
class Timetable(Generic[K]):
    """Keys by their times. Moving one or taking it out leaves an outdated entry, which is swept away later."""

    _entries: dict[K, tuple[float, int, K]] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def put(self, key: K, at: float) -> None:
        """Add a key, or move it."""
        entry = self._entries[key] = (at, next(self._order), key)
        heapq.heappush(self._heap, entry)
        self._sweep()

    def drop(self, key: K) -> None:
        """Take a key out, if it is there."""
        if self._entries.pop(key, None) is not None:
            self._sweep()

    def first(self) -> float | None:
        """The earliest time of all, None where there is nothing."""
        while self._heap and not self._holds(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[K]:
        """Take out all whose time has come, the earliest first; of equals the one that was put first."""
        taken: list[K] = []
        while (first := self.first()) is not None and first <= now:
            key = heapq.heappop(self._heap)[2]
            del self._entries[key]
            taken.append(key)
        return taken

    def _holds(self, entry: tuple[float, int, K]) -> bool:
        return self._entries.get(entry[2]) is entry

    def _sweep(self) -> None:
        if len(self._heap) > 2 * len(self._entries) + _FEW:
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)
