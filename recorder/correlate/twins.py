"""Events that come twice: each on its own channel, and once more as a twin on another one, in whatever order.

Twins carry no id. They are known by the fields they share with their originals, and where several originals share
them, by their order.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from ..dialect.definition import Dialect
from ..model import Link
from .operations import Operation, Seen, Values, is_over

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Half:
    """An event whose other half did not come yet; `op` and `link` are None where nobody asked for it."""

    seen: Seen
    op: Operation | None
    link: Link | None


class Twins:
    """Which events await their twin, and of which the twin came first."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._originals: dict[Values, deque[Half]] = defaultdict(deque)
        self._early: dict[Values, deque[Half]] = defaultdict(deque)
        self._alike: dict[Values, dict[int, Operation]] = {}  # whose twins cannot be told apart, until all came

    def original(self, seen: Seen) -> tuple[Half, list[Operation]] | None:
        """The oldest event that awaits this twin, and the other operations of which it may be as well.

        Those are the ones whose events await it too, and those that were served while this one waited.
        """
        key = self._key(seen)
        waiting = self._originals.get(key, deque())
        while waiting and self._is_lost(waiting[0], seen.event.t):
            waiting.popleft()
        fitting = [half for half in waiting if self._fits(half, seen)]
        if not fitting:
            return None
        _take(waiting, fitting[0])
        return fitting[0], self._others(key, fitting)

    def _fits(self, half: Half, seen: Seen) -> bool:
        """Whether the two agree on what need not stand in both."""
        mine, its = half.seen.keys, seen.keys
        return all(mine[name] == its[name] for name in self._dialect.twin_where_both if name in mine and name in its)

    def _others(self, key: Values, fitting: list[Half]) -> list[Operation]:
        alike = {half.op.seq: half.op for half in fitting if half.op is not None} | self._alike.pop(key, {})
        if len(fitting) > 1:
            self._alike[key] = alike
        return [alike[seq] for seq in sorted(alike) if alike[seq] is not fitting[0].op]

    def repeated(self, seen: Seen, op: Operation) -> bool:
        """Whether an operation had such a twin before."""
        return self._key(seen) in op.twin_keys

    def early(self, op: Operation, seen: Seen) -> Half | None:
        """A twin that came before its original and was taken for another operation's; the original now tells."""
        if seen.event.channel != self._dialect.twin_of:
            return None
        waiting = self._early.get(self._key(seen), deque())
        fitting = [half for half in waiting if self._fits(half, seen) and half.seen.event.seq > op.seq]
        if not fitting or any(half.op is op for half in fitting):
            return None
        _take(waiting, fitting[0])
        return fitting[0]

    def came(self, seen: Seen, op: Operation | None, link: Link | None) -> None:
        """Keep account of an event that was linked, or was not."""
        key = self._key(seen)
        if op is not None:
            op.twin_keys.add(key)
        half = Half(seen, op, link)
        if seen.event.channel == self._dialect.twin_of:
            _settle(half, self._early[key], self._originals[key])
        elif seen.event.channel == self._dialect.twin_channel and link is not None and link.rule != "twin":
            _settle(half, self._originals[key], self._early[key])

    def drop(self, seen: Seen) -> None:
        """An event that nobody seemed to have asked for is final, or will be accounted for anew."""
        self._drop(self._key(seen), lambda half: half.seen is seen)

    def forget(self, op: Operation) -> None:
        """It gets no event any more."""
        for key in op.twin_keys:
            self._drop(key, lambda half: half.op is op)
            self._alike.get(key, {}).pop(op.seq, None)

    def _is_lost(self, half: Half, now: int) -> bool:
        """Whether the twin will not come any more."""
        if half.op is None:
            return now - half.seen.event.t > self._dialect.grace * _SECOND
        return is_over(half.op, now, self._dialect)

    def _drop(self, key: Values, unwanted: Callable[[Half], bool]) -> None:
        for table in (self._originals, self._early):
            left = deque(half for half in table.pop(key, ()) if not unwanted(half))
            if left:
                table[key] = left

    def _key(self, seen: Seen) -> Values:
        return (str(seen.session), *(seen.keys.get(name) for name in self._dialect.twin_same))


def _take(halves: deque[Half], wanted: Half) -> None:
    del halves[next(place for place, half in enumerate(halves) if half is wanted)]


def _settle(half: Half, awaited: deque[Half], waiting: deque[Half]) -> None:
    place = next((place for place, other in enumerate(awaited) if other.op is half.op), None)
    if place is None or half.op is None:
        waiting.append(half)
    else:
        del awaited[place]
