"""Recorded requests that a live one may be, sorted so that the next one is found however many there are.

Requests of one key stand on a shelf: by the recorded session that made them, then in stacks of those that nothing tells
apart but the ids of one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .entries import Entry, Id


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
