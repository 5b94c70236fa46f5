"""Keep the events whose cause is not known, or not for sure; a later ack may still show which request caused them.

A server may choose an id for an operation, name it in the ack, and push events with this id before it sends the ack.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from ..dialect.definition import Dialect, names_in_acks
from ..model import Link, values
from .causes.siblings import transactions
from .operations import Operation, Seen

_At: TypeAlias = tuple[int, int]
_TRANSACTION = "transaction "  # no name of a key has a space


class Orphans:
    """The events without a known cause, in the order of the wire. The last `keep` of them can still get a cause."""

    def __init__(self, dialect: Dialect, keep: int) -> None:
        self._dialect, self._keep = dialect, keep
        self._names = (*sorted(names_in_acks(dialect)), *dialect.error_same)
        self._events: dict[_At, Seen] = {}
        self._by_key: dict[Hashable, dict[_At, Seen]] = defaultdict(dict)
        self._twins: dict[_At, Seen] = {}
        self._final: deque[Seen] = deque()

    def __iter__(self) -> Iterator[Seen]:
        """Yield all orphans that `final` did not hand out."""
        yield from self._final
        yield from self._events.values()

    def __contains__(self, seen: Seen) -> bool:
        """Return whether an event is still without a cause, but may get one."""
        return _place(seen) in self._events

    def add(self, seen: Seen) -> Seen | None:
        """Keep an event without a known cause; return the oldest one if it becomes final thereby, else None."""
        self._events[_place(seen)] = seen
        for key in self._keys(seen):
            self._by_key[key][_place(seen)] = seen
        if len(self._events) <= self._keep:
            return None
        oldest = next(iter(self._events.values()))
        self.remove(oldest)
        self._final.append(oldest)
        return oldest

    def pair(self, original: Seen, twin: Seen) -> None:
        """Remember the twin of an orphan: both have one cause."""
        self._twins[_place(original)] = twin

    def twin_of(self, original: Seen) -> Seen | None:
        """Return the twin of an orphan, None if it has not come or is final."""
        twin = self._twins.get(_place(original))
        return twin if twin is not None and _place(twin) in self._events else None

    def remove(self, seen: Seen) -> None:
        """Remove an event that got a cause or became final."""
        del self._events[_place(seen)]
        self._twins.pop(_place(seen), None)
        for key in self._keys(seen):
            waiting = self._by_key.get(key, {})
            waiting.pop(_place(seen), None)
            if not waiting:
                self._by_key.pop(key, None)

    def waiting(self, op: Operation, added: Iterable[str]) -> list[Seen]:
        """Return the orphans that came after a request and share a key with it, in the order of the wire.

        Args:
            op: The operation of the request.
            added: Names of the keys to compare: those that the ack added, or those that mark an error event.

        """
        found = {
            place: seen
            for name in added
            for value in values(op.keys.get(name, ()))
            for place, seen in self._by_key.get((name, value), {}).items()
            if seen.event.seq > op.seq
        }
        return [found[place] for place in sorted(found)]

    def siblings(self, seen: Seen) -> list[Seen]:
        """Return the orphans of the transaction of an event, in the order of the wire."""
        if not self._events:
            return []
        keys = [(_TRANSACTION, one) for one in transactions(seen, self._dialect)]
        found = {place: orphan for key in keys for place, orphan in self._by_key.get(key, {}).items()}
        return [found[place] for place in sorted(found)]

    @property
    def has_final(self) -> bool:
        """True if `final` yields anything."""
        return bool(self._final)

    def final(self) -> Iterator[Seen]:
        """Yield the orphans that can get no cause any more, each once."""
        while self._final:
            yield self._final.popleft()

    def _keys(self, seen: Seen) -> Iterator[Hashable]:
        if seen.is_ignored:
            return
        for name in self._names:
            yield from ((name, value) for value in values(seen.keys.get(name, ())))
        yield from ((_TRANSACTION, one) for one in transactions(seen, self._dialect))


class Weak(NamedTuple):
    """An event with the operation that it is linked to for now."""

    seen: Seen
    op: Operation
    link: Link


class WeakLinks:
    """The events that an ack may take from their operations, by the ids that they carry."""

    def __init__(self, dialect: Dialect) -> None:
        self._names = frozenset(dialect.exact) & names_in_acks(dialect)
        self._at: dict[_At, Weak] = {}
        self._by_id: dict[tuple[str, str], set[_At]] = defaultdict(set)

    def add(self, seen: Seen, op: Operation, link: Link) -> None:
        """Keep an event that was linked by a rule without ids, if it has an id that an ack may bring."""
        if self._names.isdisjoint(seen.keys):
            return
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
        if self._at and self._at.pop(_place(seen), None) is not None:
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
