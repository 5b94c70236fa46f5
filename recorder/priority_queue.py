"""Keep keys in order of priority, for very many of them: the first is found without looking at the others."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
P = TypeVar("P", bound=Any)  # compared by <; e.g. seconds

_FEW = 64  # outdated entries are no burden


@dataclass(slots=True)
class PriorityQueue(Generic[K, P]):
    """Keys by their priorities, the least first; of equals the one that was put first.

    Moving a key or dropping it leaves an outdated entry in the heap, which is swept away later.
    """

    _entries: dict[K, tuple[P, int, K]] = field(default_factory=dict)
    _heap: list[tuple[P, int, K]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def put(self, key: K, priority: P) -> None:
        """Add a key, or move it."""
        entry = self._entries[key] = (priority, next(self._order), key)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + _FEW:
            self._sweep()

    def drop(self, key: K) -> None:
        """Remove a key, if it is there."""
        if self._entries.pop(key, None) is not None and len(self._heap) > 2 * len(self._entries) + _FEW:
            self._sweep()

    def first(self) -> P | None:
        """Return the least priority, None where there is no key."""
        heap, entries = self._heap, self._entries
        while heap and entries.get(heap[0][2]) is not heap[0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def peek(self) -> K | None:
        """Return the first key, None where there is none."""
        return None if self.first() is None else self._heap[0][2]

    def pop(self) -> K | None:
        """Remove the first key and return it, None where there is none."""
        if self.first() is None:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._entries[key]
        return key

    def pop_until(self, most: P) -> list[K]:
        """Remove all keys up to a priority and return them in their order."""
        popped: list[K] = []
        heap, entries = self._heap, self._entries
        while heap and heap[0][0] <= most:
            entry = heapq.heappop(heap)
            if entries.get(entry[2]) is entry:
                del entries[entry[2]]
                popped.append(entry[2])
        return popped

    def _sweep(self) -> None:
        self._heap = list(self._entries.values())
        heapq.heapify(self._heap)
