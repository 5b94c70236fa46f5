"""Keep the events that are linked without an exact id that they carry: a later ack may show whose id it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from ..dialect.definition import Dialect
from ..model import Link, values
from .operations import Operation, Seen

_At: TypeAlias = tuple[int, int]


class Weak(NamedTuple):
    """An event with the operation that it is linked to for now."""

    seen: Seen
    op: Operation
    link: Link


class WeakLinks:
    """The events that an ack may take from their operations, by the ids that they carry."""

    def __init__(self, dialect: Dialect) -> None:
        self._names = tuple(name for name in dialect.exact if name in dialect.ack_keys)
        self._at: dict[_At, Weak] = {}
        self._by_id: dict[tuple[str, str], set[_At]] = defaultdict(set)

    def add(self, seen: Seen, op: Operation, link: Link) -> None:
        """Keep an event that was linked by a rule without ids, if it has an id that an ack may bring."""
        for name_and_id in self._ids(seen):
            self._by_id[name_and_id].add(_place(seen))
            self._at[_place(seen)] = Weak(seen, op, link)

    def of(self, op: Operation, added: Iterable[str]) -> list[Weak]:
        """Return the events that came after a request and carry an id that its ack added, in the order of the wire."""
        if not self._at:
            return []
        names = [name for name in added if name in self._names]
        ids = ((name, value) for name in names for value in values(op.keys[name]))
        places = {place for one in ids for place in self._by_id.get(one, ()) if place[0] > op.seq}
        return [self._at[place] for place in sorted(places)]

    def remove(self, seen: Seen) -> None:
        """Remove an event that got its final link; nothing happens if it is not kept."""
        if self._at.pop(_place(seen), None) is not None:
            for one in self._ids(seen):
                self._by_id[one].discard(_place(seen))
                if not self._by_id[one]:
                    del self._by_id[one]

    def forget(self, op: Operation) -> None:
        """Drop the events of an operation whose links are final."""
        for link in op.links if self._at else ():
            kept = self._at.get((link.event.seq, link.event.index))
            if kept is not None:
                self.remove(kept.seen)

    def _ids(self, seen: Seen) -> Iterator[tuple[str, str]]:
        return ((name, value) for name in self._names for value in values(seen.keys.get(name, ())))


def _place(seen: Seen) -> _At:
    return seen.event.seq, seen.event.index
