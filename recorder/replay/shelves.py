"""Recorded requests that a live one may be, sorted so that the next one is found however many there are.

Requests of one key stand on a shelf: by the recorded session that made them, then in stacks of those that nothing tells
apart but the ids of one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..model import Triple
from .reading import Call, Id


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

    def add(self, place: int, owner: str | None, what: Id) -> None:
        """Put a recorded request on it; places come in their order."""
        row = self.rows.setdefault(owner, Row())
        stack = row.by_id.get(what)
        if stack is None:
            stack = row.by_id[what] = Stack([place])
            row.stacks.append(stack)
        else:
            stack.places.append(place)

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

    def __init__(self, triples: Sequence[Triple]) -> None:
        """Start empty."""
        self._triples = triples
        self._by_key: dict[bytes, Shelf | int] = {}
        self._ids: list[Id] = []

    def add(self, call: Call) -> None:
        """Put the next recorded request on its shelf."""
        place = len(self._ids)
        self._ids.append(call.id)
        known = self._by_key.setdefault(call.key, place)
        if known == place:
            return
        if isinstance(known, int):
            known = self._by_key[call.key] = self._of_one(known)
        known.add(place, self._owner(place), call.id)

    def id_of(self, place: int) -> Id:
        """What tells a recorded request from others on its shelf."""
        return self._ids[place]

    def alone(self, key: bytes) -> int | None:
        """The place of a request that is the only one on its shelf."""
        known = self._by_key.get(key)
        return known if isinstance(known, int) else None

    def __getitem__(self, key: bytes) -> Shelf:
        known = self._by_key.get(key)
        if known is None:
            return Shelf()
        return self._of_one(known) if isinstance(known, int) else known

    def _of_one(self, place: int) -> Shelf:
        shelf = Shelf()
        shelf.add(place, self._owner(place), self._ids[place])
        return shelf

    def _owner(self, place: int) -> str | None:
        triple = self._triples[place]
        return triple.session if triple.n else None
