"""Recorded requests that a live one may be, sorted so that the next one is found however many there are.

Requests of one key stand on a shelf: by the recorded session that made them, then in stacks of those that nothing tells
apart but the ids of one operation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .request import Entry, Id


@dataclass(slots=True, eq=False)
class Stack:
    """Places (in `Matcher.triples`) of requests that are the same, in recorded order; there is at least one."""

    places: list[int]

    @property
    def first(self) -> int:
        """The first place, which tells a stack from all others."""
        return self.places[0]


@dataclass(slots=True, eq=False)
class Row:
    """The stacks of one session, by the first of each."""

    stacks: list[Stack] = field(default_factory=list)
    by_id: dict[Id, Stack] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Shelf:
    """The rows of one key, by session; None for requests of nobody's in particular."""

    rows: dict[str | None, Row] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Put a recorded request on it; they come in their order."""
        row = self.rows.setdefault(entry.owner, Row())
        stack = row.by_id.get(entry.id)
        if stack is None:
            stack = row.by_id[entry.id] = Stack([entry.place])
            row.stacks.append(stack)
        else:
            stack.places.append(entry.place)

    def of(self, sessions: Iterable[str | None] | None) -> list[Row]:
        """The rows of some sessions; None stands for all."""
        if sessions is None:
            return list(self.rows.values())
        return [self.rows[session] for session in sessions if session in self.rows]

    def places(self) -> Iterator[int]:
        """All that stands on it."""
        return (place for row in self.rows.values() for stack in row.stacks for place in stack.places)


class Shelves:
    """All of them. Most hold one request, which then stands for its shelf."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_key: dict[bytes, Shelf | Entry] = {}

    def add(self, key: bytes, entry: Entry) -> None:
        """Put the next recorded request on the shelf of its key."""
        known = self._by_key.setdefault(key, entry)
        if known is entry:
            return
        if isinstance(known, Entry):
            known = self._by_key[key] = _of_one(known)
        known.add(entry)

    def alone(self, key: bytes) -> Entry | None:
        """The request that is the only one on its shelf."""
        known = self._by_key.get(key)
        return known if isinstance(known, Entry) else None

    def __getitem__(self, key: bytes) -> Shelf:
        known = self._by_key.get(key)
        if known is None:
            return Shelf()
        return _of_one(known) if isinstance(known, Entry) else known


def _of_one(entry: Entry) -> Shelf:
    shelf = Shelf()
    shelf.add(entry)
    return shelf


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
