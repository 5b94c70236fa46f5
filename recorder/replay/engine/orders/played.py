"""Keep in which order a stand-in took requests, and sent answers and events: what a schedule brought about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .deviations import Deviation, Kind
from .items import PLAIN, Item
from .naming import Naming
from .schedule import Schedule

_MOST = 20_000  # acts that are kept: the first ones of operations and events …
_MOST_PLAIN = 10_000  # … and of other requests, so that a client that polls for hours leaves the others their place


@dataclass(frozen=True, slots=True)
class Act:
    """A request that came, or an answer or event that left for its client.

    Attributes:
        name: `request 4`, `ack 4`, `event 4.1` or `event u3`; `request p2` and `answer p2` of what is no operation.
        at: Seconds of the stand-in's clock since the first act.
        answer: Number of the answer that it left in, the same for all that one answer carried; 0 for a request, and
            for an event on a stream or on a WebSocket without Bayeux.
        client: Name of the client, `p1`, `p2` … in the order they came.
    """

    name: str
    at: float
    answer: int = 0
    client: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which a recording was played.

    Attributes:
        acts: What happened, in its order.
        met: The deviations of the schedule that came about, for one client at least.
        unmet: Those that did not.
    """

    acts: tuple[Act, ...] = ()
    met: frozenset[Deviation] = frozenset()
    unmet: frozenset[Deviation] = frozenset()


def as_json(schedule: Schedule, order: Order) -> dict[str, Any]:
    """Return a schedule with the order that it brought about, as the control API and reports show it."""
    return {
        "id": schedule.id,
        "deviations": [str(one) for one in schedule.deviations],
        "unmet": sorted(map(str, order.unmet)),
        "order": [
            {"name": act.name, "at": act.at, "answer": act.answer or None, "session": act.client} for act in order.acts
        ],
    }


@dataclass(slots=True, eq=False)
class _Entry:
    item: Item | None  # None for a request
    act: Act


@dataclass(slots=True, eq=False)
class Log:
    """The acts of a run so far; a place for each client's view of each item.

    Attributes:
        done: Deviations that came about without being seen in the order of acts, such as a lost poll.
        count: Number of acks and events that left.
        plain: Number of answers that left to requests that are no operations.
    """

    naming: Naming
    done: set[Deviation] = field(default_factory=set)
    count: int = 0
    plain: int = 0
    _entries: list[_Entry] = field(default_factory=list)
    _plain_entries: int = 0
    _unsent: dict[int, list[_Entry]] = field(default_factory=dict)  # by answer
    _began: float | None = None
    _left: dict[tuple[Item, str], float] = field(default_factory=dict)
    _seen: dict[tuple[Item, str], float] = field(default_factory=dict)

    def requested(self, name: str, client: str, now: float) -> None:
        """Note a request."""
        self._add(None, Act(name, now, 0, client))

    def left(self, item: Item, client: str, now: float, answer: int = 0) -> None:
        """Note that an item is on its way to its client; `answer` is the number of the request that is answered."""
        self._left.setdefault((item, client), now)
        self._add(item, Act(str(item), now, answer, client))

    def saw(self, item: Item, client: str, now: float) -> None:
        """Note that a client has had the time to act on an item."""
        self._seen.setdefault((item, client), now)

    def sent(self, answer: int) -> None:
        """Note that an answer has left, and cannot come back."""
        self._unsent.pop(answer, None)

    def lost(self, answer: int) -> None:
        """Note that an answer did not leave: what it carried did not happen."""
        self._drop(self._unsent.pop(answer, []))

    def came_back(self, item: Item, client: str) -> None:
        """Note that an event on a stream did not leave."""
        mine = [one for one in self._entries if one.item == item and one.act.client == client]
        self._drop(mine[-1:])

    def _drop(self, lost: list[_Entry]) -> None:
        if not lost:
            return
        self._entries = [one for one in self._entries if one not in lost]
        for one in lost:
            self._count(one.item, -1)
            self._plain_entries -= one.act.name.startswith(PLAIN)
            there = any(other.item == one.item and other.act.client == one.act.client for other in self._entries)
            if one.item is not None and not there:
                self._left.pop((one.item, one.act.client), None)
                self._seen.pop((one.item, one.act.client), None)

    def _add(self, item: Item | None, act: Act) -> None:
        if self._began is None:
            self._began = act.at
        if self._has_room(is_plain=(is_plain := act.name.startswith(PLAIN))):
            entry = _Entry(item, replace(act, at=round(act.at - self._began, 6)))
            self._entries.append(entry)
            self._plain_entries += is_plain
            self._count(item, 1)
            if act.answer:
                self._unsent.setdefault(act.answer, []).append(entry)

    def _has_room(self, *, is_plain: bool) -> bool:
        if is_plain:
            return self._plain_entries < _MOST_PLAIN
        return len(self._entries) - self._plain_entries < _MOST

    def _count(self, item: Item | None, number: int) -> None:
        if item is not None:
            self.plain += number if item.plain else 0
            self.count += 0 if item.plain else number

    def left_at(self, item: Item, beside: Item, client: str) -> float | None:
        """Return when an item left for a client, or for the client of another session if `beside` is not of its own."""
        return self._at(self._left, item, beside, client)

    def seen_at(self, item: Item, beside: Item, client: str) -> float | None:
        """Return when a client had the time to act on an item; see `left_at`."""
        return self._at(self._seen, item, beside, client)

    def _at(self, times: dict[tuple[Item, str], float], item: Item, beside: Item, client: str) -> float | None:
        if not self._is_elsewhere(item, beside):
            return times.get((item, client))
        return min((at for (one, _), at in times.items() if one == item), default=None)

    def _is_elsewhere(self, item: Item, other: Item) -> bool:
        mine, its = self.naming.session(item), self.naming.session(other)
        return mine != its and None not in {mine, its}

    def order(self, schedule: Schedule) -> Order:
        """Return the order of all acts, and which deviations of a schedule it shows."""
        together = {frozenset((one.item, one.other)) for one in schedule.deviations if one.kind is Kind.TOGETHER}
        met = frozenset(
            one
            for one in schedule.deviations
            if one in self.done or self._shows(one, inside=frozenset((one.item, one.other)) in together)
        )
        return Order(tuple(one.act for one in self._entries), met, frozenset(schedule.deviations) - met)

    def _shows(self, deviation: Deviation, *, inside: bool) -> bool:
        """Return whether a deviation came about; `inside` one answer, where the schedule wants its items together."""
        if deviation.other is None:
            return False
        pairs = self._pairs(deviation.item, deviation.other)
        match deviation.kind:
            case Kind.BEFORE if not _firsts(self._entries, deviation.other):  # its client may have failed on the first
                return bool(_firsts(self._entries, deviation.item))
            case Kind.BEFORE:
                return any(mine < its and inside is _together(one, other) for mine, one, its, other in pairs)
            case Kind.TOGETHER:
                return any(_together(one, other) for _, one, _, other in pairs)
            case _:
                return any(mine > its and not _together(one, other) for mine, one, its, other in pairs)

    def _pairs(self, item: Item, other: Item) -> Iterator[tuple[int, Act, int, Act]]:
        """Yield the first acts of two items, with their places, of each client or of each two clients."""
        elsewhere = self._is_elsewhere(item, other)
        firsts, others = _firsts(self._entries, item), _firsts(self._entries, other)
        for client, (mine, one) in firsts.items():
            for its_client, (its, another) in others.items():
                if elsewhere or client == its_client:
                    yield mine, one, its, another


def _firsts(entries: Iterable[_Entry], item: Item) -> dict[str, tuple[int, Act]]:
    found: dict[str, tuple[int, Act]] = {}
    for place, entry in enumerate(entries):
        if entry.item == item:
            found.setdefault(entry.act.client, (place, entry.act))
    return found


def _together(one: Act, other: Act) -> bool:
    return one.answer != 0 and one.answer == other.answer
