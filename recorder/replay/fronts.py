"""How far a session has got on each shelf of recorded requests: what comes next on it is found without a search."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .shelves import Row, Stack


@dataclass(slots=True)
class Fronts:
    """What lies before a front was played; it only ever moves on.

    Attributes:
        played: How often each recorded request was used.

    """

    played: Mapping[int, int]
    _stacks: dict[int, int] = field(default_factory=dict)  # by the first of a stack: how many of it were played
    _rows: dict[int, int] = field(default_factory=dict)  # by the first of a row: how many stacks are used up

    def next_of(self, stack: Stack) -> int | None:
        """The first of a stack that was not played."""
        places = stack.places
        front = self._stacks.get(stack.first, 0)
        while front < len(places) and places[front] in self.played:
            front = self._stacks[stack.first] = front + 1
        return places[front] if front < len(places) else None

    def next_in(self, row: Row, fits: Callable[[int], bool]) -> int | None:
        """The first in a row that was not played and fits; all of a stack fit, or none."""
        best: int | None = None
        first = row.stacks[0].first
        front = self._rows.get(first, 0)
        for number in range(front, len(row.stacks)):
            stack = row.stacks[number]
            if best is not None and stack.first > best:
                break
            place = self.next_of(stack)
            if place is None and number == front:
                front = self._rows[first] = front + 1
            elif place is not None and (best is None or place < best) and fits(stack.first):
                best = place
        return best

    def again_of(self, stack: Stack) -> int:
        """The first of those in a stack that were played least often: they were played in their order."""
        most = self.played.get(stack.first, 0)
        place = bisect_right(stack.places, -most, key=lambda place: -self.played.get(place, 0))
        return stack.places[place] if place < len(stack.places) else stack.first
