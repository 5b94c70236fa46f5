"""Keep the events without a known cause; a later ack may still show that its request caused one of them.

A server may choose an id for an operation, name it in the ack, and push events with this id before it sends the ack.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator

from ..dialect.definition import Dialect
from ..model import values
from .operations import Operation, Seen
from .siblings import transactions

_TRANSACTION = "transaction "  # no name of a key has a space


class Orphans:
    """The events without a known cause, in the order of the wire. The last `keep` of them can still get a cause."""

    def __init__(self, dialect: Dialect, keep: int) -> None:
        self._dialect, self._keep = dialect, keep
        self._names = (*dialect.ack_keys, *dialect.error_same)
        self._events: dict[tuple[int, int], Seen] = {}
        self._by_key: dict[Hashable, dict[tuple[int, int], Seen]] = defaultdict(dict)
        self._twins: dict[tuple[int, int], Seen] = {}
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


def _place(seen: Seen) -> tuple[int, int]:
    return seen.event.seq, seen.event.index
