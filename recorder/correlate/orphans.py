"""Events that no request explains: nobody asked for them, unless an ack that is still to come tells otherwise.

A server may name an operation in its ack and push the events under that name before the ack is sent.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from ..dialect.definition import Dialect
from .operations import Operation, Seen


class Orphans:
    """The unexplained events in the order they came; the last `keep` of them can still be explained."""

    def __init__(self, dialect: Dialect, keep: int) -> None:
        self._names, self._keep = (*dialect.ack_keys, *dialect.error_same), keep
        self._events: dict[tuple[int, int], Seen] = {}
        self._by_key: dict[tuple[str, str], dict[tuple[int, int], Seen]] = defaultdict(dict)
        self._twins: dict[tuple[int, int], Seen] = {}
        self._final: deque[Seen] = deque()

    def __iter__(self) -> Iterator[Seen]:
        """All that were not handed out."""
        yield from self._final
        yield from self._events.values()

    def add(self, seen: Seen) -> Seen | None:
        """Keep an event that nothing explains so far; return one that nothing will explain any more."""
        self._events[_place(seen)] = seen
        for name in self._names:
            if name in seen.keys:
                self._by_key[name, seen.keys[name]][_place(seen)] = seen
        if len(self._events) <= self._keep:
            return None
        oldest = next(iter(self._events.values()))
        self.remove(oldest)
        self._final.append(oldest)
        return oldest

    def pair(self, original: Seen, twin: Seen) -> None:
        """A twin of one of them came: what explains the one explains the other."""
        self._twins[_place(original)] = twin

    def twin_of(self, original: Seen) -> Seen | None:
        """The twin of an event, if it came and is not final."""
        twin = self._twins.get(_place(original))
        return twin if twin is not None and _place(twin) in self._events else None

    def remove(self, seen: Seen) -> None:
        """It is explained, or final."""
        del self._events[_place(seen)]
        self._twins.pop(_place(seen), None)
        for name in self._names:
            waiting = self._by_key.get((name, seen.keys.get(name, "")), {})
            waiting.pop(_place(seen), None)
            if not waiting:
                self._by_key.pop((name, seen.keys.get(name, "")), None)

    def waiting(self, op: Operation, added: Iterable[str]) -> list[Seen]:
        """Those that came after a request and carry a key that its ack has just told, or made telling."""
        found = {
            place: seen
            for name in added
            for place, seen in self._by_key.get((name, op.keys.get(name, "")), {}).items()
            if seen.event.seq > op.seq
        }
        return [found[place] for place in sorted(found)]

    def final(self) -> Iterator[Seen]:
        """Hand out those that nothing will explain any more, each once."""
        while self._final:
            yield self._final.popleft()


def _place(seen: Seen) -> tuple[int, int]:
    return seen.event.seq, seen.event.index
