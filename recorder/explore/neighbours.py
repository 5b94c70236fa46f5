"""Find answers and events that stand near each other and may come in either order; count which came in both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..printable import counted
from ..replay.engine.orders.deviations import Deviation, Disturbance, Kind
from ..replay.engine.orders.items import REQUEST, Item
from ..replay.engine.orders.played import Order
from .law import Law
from .placed import Placed

_NEAR = 8  # answers and events of its session after an item that it is paired with
_NEXT = 3  # the same where the client may have waited for the item before it asked for the other
_LOADED = 40  # the same between an event and an answer: a client that starts asks for many lists at once


@dataclass(frozen=True, slots=True)
class Pair:
    """An answer or event, and one that was recorded after it and may come before it.

    Attributes:
        distance: How many answers and events of the session the second was recorded after the first; between acks and
            events, answers to requests that are no operations do not count.
        is_sure: The request of the second had left when the first came: so no client can have waited for the first
            before it sent the request.
    """

    first: Placed
    second: Placed
    distance: int
    is_sure: bool

    @property
    def reversal(self) -> Deviation:
        """The deviation that reverses the pair."""
        return Deviation(Kind.BEFORE, self.second.item, self.first.item)

    @property
    def names(self) -> tuple[Item, Item]:
        """The items in recorded order."""
        return self.first.item, self.second.item

    @property
    def is_of_one(self) -> bool:
        """True if both belong to one triple."""
        return self.first.item.triple == self.second.item.triple != 0


def by_session(items: Sequence[Placed]) -> list[list[Placed]]:
    """Return the items of each session, in recorded order."""
    found: defaultdict[str, list[Placed]] = defaultdict(list)
    for one in items:
        found[one.session].append(one)
    return list(found.values())


def neighbours(items: Sequence[Placed], law: Law) -> tuple[Pair, ...]:
    """Return the pairs of items that stand near each other in their session and may come in either order.

    Those of acks and events come first. They are the same, however many other answers stand between.
    """
    sessions = by_session(items)
    told = [[one for one in session if not one.item.plain] for session in sessions]
    found = [pair for session in told for pair in _pairs(session, law)]
    return (*found, *(pair for session in sessions for pair in _pairs_of_plain(session, law)))


def _pairs(session: Sequence[Placed], law: Law) -> Iterator[Pair]:
    for place, first in enumerate(session):
        for distance, second in enumerate(session[place + 1 : place + 1 + _NEAR], 1):
            is_sure = second.asked < first.at
            if (is_sure or distance <= _NEXT) and law.is_free(first.item, second.item):
                yield Pair(first, second, distance, is_sure)


def _pairs_of_plain(session: Sequence[Placed], law: Law) -> Iterator[Pair]:
    """Yield the pairs with an answer to a request that is no operation.

    Between it and an event other such answers do not count, so that each list is paired with the event after them.
    """
    for place, first in enumerate(session):
        told = 0  # acks and events between the two
        for distance, second in enumerate(session[place + 1 : place + 1 + _LOADED], 1):
            if told >= _NEAR:
                break
            is_sure, both = second.asked < first.at, bool(first.item.plain and second.item.plain)
            is_near = distance <= _NEXT or (is_sure and (not both or distance <= _NEAR))
            if (first.item.plain or second.item.plain) and is_near and law.is_free(first.item, second.item):
                yield Pair(first, second, distance, is_sure)
            told += not second.item.plain


class Coverage:
    """The pairs of neighbours, and in which orders runs showed them.

    Attributes:
        pairs: The pairs.
        is_empty: No run showed any answer or event.
        trouble: The kinds of trouble that came about.
    """

    def __init__(self, pairs: Sequence[Pair] = ()) -> None:
        """Take the pairs that may come in either order."""
        self.pairs = pairs
        self.is_empty = True
        self.trouble: frozenset[Disturbance] = frozenset()
        self._names = [(str(pair.first.item), str(pair.second.item)) for pair in pairs]
        self._as_recorded: set[int] = set()  # places of pairs
        self._reversed: set[int] = set()
        self._left_out: set[tuple[Item, Item]] = set()
        self._waited: set[tuple[Item, str]] = set()  # a client waits for the item before it sends the request

    def add(self, order: Order) -> None:
        """Count what a run showed."""
        times = first_times(act.name for act in order.acts)
        self.is_empty &= all(name.startswith(REQUEST) for name in times)
        self.trouble |= {one.disturbance for one in order.met if one.disturbance is not None}
        for place, (one, other) in enumerate(self._names):
            if one in times and other in times:
                (self._as_recorded if times[one] < times[other] else self._reversed).add(place)

    def unmet(self, order: Order) -> None:
        """Learn from a run whose only deviation did not come about for what the client waits."""
        times = first_times(act.name for act in order.acts)
        for one in order.unmet:
            if one.other is None or one.kind is Kind.APART:
                continue
            held, asked = times.get(str(one.other)), times.get(one.item.request)
            if held is not None and asked is not None and held < asked:
                self._waited.add((one.other, one.item.request))

    def is_hopeless(self, first: Item, second: Item) -> bool:
        """Return whether a client was seen to wait for the first item before it asks for the second."""
        return (first, second.request) in self._waited

    def leave_out(self, reversal: Deviation) -> None:
        """Learn of a reversal that is not tried, because none of its like came about."""
        if reversal.other is not None:
            self._left_out.add((reversal.other, reversal.item))

    @property
    def left_out(self) -> int:
        """Number of pairs that were not tried, and that no run showed reversed."""
        left = (pair.names for place, pair in enumerate(self.pairs) if place not in self._reversed)
        return sum(names in self._left_out and not self.is_hopeless(*names) for names in left)

    @property
    def unseen(self) -> list[Pair]:
        """The pairs that no run showed reversed, and that may be."""
        left = (pair for place, pair in enumerate(self.pairs) if place not in self._reversed)
        return [pair for pair in left if pair.names not in self._left_out and not self.is_hopeless(*pair.names)]

    @property
    def both(self) -> int:
        """Number of pairs that were seen in both orders."""
        return len(self._as_recorded & self._reversed)

    @property
    def waited(self) -> int:
        """Number of pairs that cannot be reversed, because the client waits for the first before it goes on."""
        return len(self.pairs) - len(self._reversed) - len(self.unseen) - self.left_out

    def __str__(self) -> str:
        if not self.pairs:
            got_nothing = "the client got none of the recorded answers and events"
            return got_nothing if self.is_empty else "no two answers or events of this run may come in another order"
        told = f"{self.both} of {counted(len(self.pairs), 'pair')} of neighbours seen in both orders"
        if self.waited:
            told += f"; {self.waited} cannot be: the client itself waits for the first before it asks for the second"
        if self.left_out:
            told += f"; {self.left_out} of the same kind not tried: those that were did not come about"
        return told


def not_shown(order: Order) -> frozenset[Deviation]:
    """Return the deviations that a run did not show.

    An item that came before one that never came is shown: a client that fails on it asks for no more.
    """
    times = first_times(act.name for act in order.acts)
    return frozenset(
        one
        for one in order.unmet
        if not (one.kind is Kind.BEFORE and str(one.item) in times and str(one.other) not in times)
    )


def speaks_for(order: Order, deviations: Iterable[Deviation]) -> list[Deviation]:
    """Return the deviations that a run which failed speaks for.

    A late item that never came is one of them if it was asked for: the client gave up while it was held back. Where
    others did not come about, the client failed by something else, such as the time for which they were waited for.
    """
    names = {act.name for act in order.acts}
    silent = {
        one
        for one in not_shown(order)
        if one.kind is not Kind.LATE or str(one.item) in names or one.item.request not in names
    }
    return [one for one in deviations if one not in silent]


def first_times(names: Iterable[str]) -> dict[str, int]:
    """Return the place of the first act of each name."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        found.setdefault(name, place)
    return found
