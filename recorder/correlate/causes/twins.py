"""Pair twins: events that the server pushes twice, the original on one channel and the twin on another, in any order.

A twin carries no id. It is matched by the fields it shares with its original. If several originals share them, the
order decides.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import TypeAlias

from ...dialect.definition import Dialect
from ...frozen import dataclass
from ...model import Link
from ..operations import Operation, Seen, Values, is_over

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Half:
    """An original without its twin so far, or a twin without its original.

    Attributes:
        seen: The event.
        op: The operation that caused the event, None if it is unsolicited.
        link: The link of the event, None if it is unsolicited.

    """

    seen: Seen
    op: Operation | None
    link: Link | None


_Halves: TypeAlias = dict[Values, deque[Half]]


class Twins:
    """The originals that wait for their twins, and the twins that came before their originals."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._originals: _Halves = defaultdict(deque)
        self._early: _Halves = defaultdict(deque)
        self._alike: dict[Values, dict[tuple[int, int], Operation]] = {}  # operations with indistinguishable twins
        self._last: tuple[Seen | None, Values] = (None, ())  # the event asked for last, with its key

    def original(self, seen: Seen) -> tuple[Half, list[Operation]] | None:
        """Return the oldest original that waits for this twin, with the other operations that may have caused the twin.

        The others are operations whose originals wait for an equal twin, and operations whose originals got an equal
        twin while this one waited. None if no original waits.
        """
        key = self._key(seen)
        waiting = self._originals.get(key)
        if not waiting:
            return None
        while waiting and self._is_lost(waiting[0], seen.event.t):
            waiting.popleft()
        fitting = self._fitting(waiting, seen)
        if not fitting:
            return None
        _take(waiting, fitting[0])
        return fitting[0], self._others(key, fitting)

    def _fitting(self, waiting: deque[Half], seen: Seen) -> list[Half]:
        """Return the originals that a twin fits: each set of optional values is compared once, since many may wait."""
        names = self._dialect.twin_where_both
        if not names:
            return list(waiting)
        told = [tuple([half.seen.keys.get(name) for name in names]) for half in waiting]
        one_of = dict(zip(told, waiting, strict=True))
        fit = {values for values, half in one_of.items() if self._fits(half, seen)}
        if len(fit) == len(one_of):
            return list(waiting)
        return [half for values, half in zip(told, waiting, strict=True) if values in fit]

    def _fits(self, half: Half, seen: Seen) -> bool:
        """Return whether an original and a twin agree on each optional field that both have."""
        mine, its = half.seen.keys, seen.keys
        for name in self._dialect.twin_where_both:
            if name in mine and name in its and mine[name] != its[name]:
                return False
        return True

    def _others(self, key: Values, fitting: list[Half]) -> list[Operation]:
        if len(fitting) == 1 and key not in self._alike:
            return []
        alike = {half.op.at: half.op for half in fitting if half.op is not None} | self._alike.pop(key, {})
        if len(fitting) > 1:
            self._alike[key] = alike
        return [alike[at] for at in sorted(alike) if alike[at] is not fitting[0].op]

    def repeated(self, seen: Seen, op: Operation) -> bool:
        """Return whether an operation already had an event with the twin fields of this one."""
        return self._key(seen) in op.twin_keys

    def early(self, op: Operation, seen: Seen) -> Half | None:
        """Return a twin that came before its original and was linked to another operation, None if there is none.

        Args:
            op: The operation that caused the original.
            seen: The original, which identifies `op` by an id.

        """
        if seen.event.channel != self._dialect.twin_of:
            return None
        waiting = self._early.get(self._key(seen), ())
        # lazy, because many twins of other operations may wait
        fitting = (half for half in waiting if half.seen.event.seq > op.seq and self._fits(half, seen))
        if any(half.op is op and half.seen.event.seq > op.seq and self._fits(half, seen) for half in waiting):
            return None
        found = next(fitting, None)
        if found is not None:
            _take(self._early[self._key(seen)], found)
        return found

    def came(self, seen: Seen, op: Operation | None, link: Link | None) -> None:
        """Pair a judged event, or keep it until its other half comes; `op` and `link` are None without a cause."""
        key = self._key(seen)
        if op is not None:
            op.twin_keys.add(key)
        if seen.event.channel == self._dialect.twin_of:
            # Its twin may have come first.
            _settle(Half(seen, op, link), key, self._early, self._originals)
        elif seen.event.channel == self._dialect.twin_channel and link is not None and link.rule != "twin":
            # A twin that is linked by the rule "twin" waits for no original.
            _settle(Half(seen, op, link), key, self._originals, self._early)

    def drop(self, seen: Seen) -> None:
        """Drop an event without a cause: it became final, or `came` will take it again with its cause."""
        self._drop(self._key(seen), lambda half: half.seen is seen)

    def forget(self, op: Operation) -> None:
        """Drop the events of an operation that can get no event any more."""
        for key in op.twin_keys:
            self._drop(key, lambda half: half.op is op)
            if key in self._alike:
                self._alike[key].pop(op.at, None)

    def _is_lost(self, half: Half, now: int) -> bool:
        """Return whether it is too late for the twin of an original."""
        if half.op is None:
            return now - half.seen.event.t > self._dialect.grace * _SECOND
        return is_over(half.op, now, self._dialect)

    def _drop(self, key: Values, unwanted: Callable[[Half], bool]) -> None:
        for table in (self._originals, self._early):
            if key in table:
                left = [half for half in table.pop(key) if not unwanted(half)]
                if left:
                    table[key] = deque(left)

    def _key(self, seen: Seen) -> Values:
        if seen is not self._last[0]:
            self._last = seen, (str(seen.session), *map(seen.keys.get, self._dialect.twin_same))
        return self._last[1]


def _take(halves: deque[Half], wanted: Half) -> None:
    if halves[0] is wanted:
        halves.popleft()
    else:
        del halves[next(place for place, half in enumerate(halves) if half is wanted)]


def _settle(half: Half, key: Values, awaited: _Halves, waiting: _Halves) -> None:
    others = awaited.get(key)
    place = next((place for place, other in enumerate(others) if other.op is half.op), None) if others else None
    if place is None or half.op is None:
        waiting[key].append(half)
    else:
        del awaited[key][place]
