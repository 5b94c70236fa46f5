"""A recording of a desktop, and a simulated run of it: what a stand-in would play under a schedule, in a few lines.

The stand-in is simulated by its rules alone: the recorded order, unless a deviation holds something back; nothing
before its request; what cannot be met is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from recorder.dialect.definition import Dialect, load
from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result
from recorder.explore.placed import Placed, placed
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from recorder.replay.engine.orders.schedule import Schedule
from tests.wire import Ask, Wire, chained, complete, done, preview, record_event, state_event, twin

GWS = load()
_MS = 0.001

Entries: TypeAlias = tuple[Callable[[Placed], bool], ...]


def recorded() -> Recording:
    """Three operations, two of them under way at once, and an event that nobody asked for."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("r1"), record_event("PreviewRecord", 7, "r1"), twin("PreviewRecord"))
    first = desk.post(chained(7, "r2"))
    wire.wait(0.01)
    second = desk.post(complete(8, "r3"))
    wire.wait(0.02)
    wire.ack(first)
    wire.wait(0.02)
    desk.hears(record_event("ChainedRecord", 7, "r2"), twin("ChainedRecord"))
    wire.wait(0.02)
    wire.ack(second)
    desk.hears(done(7, "r2"), state_event())
    wire.wait(0.03)
    desk.hears(record_event("RecordProcessedAcknowledge", 8, "r3"))
    return wire.recording()


def listed() -> Recording:
    """Two lists that are asked for at once, an event that changes one of them, and an operation."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    exchanges = [wire.request("GET", f"/api/v2/calls/{number}?of=me", b"") for number in (17, 18)]
    for exchange in exchanges:
        wire.wait(0.01)
        wire.respond(exchange, {})
    wire.wait(0.01)
    desk.hears(state_event())
    desk.asks(chained(7, "r1"), done(7, "r1"))
    return wire.recording()


def refreshed(lists: int, operations: int = 1) -> Recording:
    """Operations; with each ack a desktop asks for some lists at once, which are there before the event."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    for number in range(operations):
        first = desk.post(chained(number, f"r{number}"))
        wire.wait(0.01)
        wire.ack(first)
        exchanges = [wire.request("GET", f"/api/v2/lists/{'abcd'[n % 4] * (n + 1)}", b"") for n in range(lists)]
        for exchange in exchanges:
            wire.wait(0.001)
            wire.respond(exchange, {})
        wire.wait(0.01)
        desk.hears(record_event("ChainedRecord", number, f"r{number}"), done(number, f"r{number}"))
    return wire.recording()


def asked_late() -> Recording:
    """An operation, a list that is asked for when it is acked, and its event, which the list does not know of."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    first = desk.post(chained(7, "r1"))
    wire.wait(0.01)
    wire.ack(first)
    wire.wait(0.01)
    exchange = wire.request("GET", "/api/v2/calls", b"")
    wire.wait(0.01)
    wire.respond(exchange, {})
    wire.wait(0.01)
    desk.hears(record_event("ChainedRecord", 7, "r1"), done(7, "r1"))
    return wire.recording()


def changed_late() -> Recording:
    """Two answers; with one a desktop asks for a list, with the other it changes it, and then it asks for a session."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    starting = [wire.request("GET", f"/{name}", b"") for name in ("me", "devices")]
    wire.wait(0.01)
    wire.respond(starting[0], {})
    for exchange in (Ask("/calls", b"", "GET"), None, Ask("/calls/5", {"note": "in red"}, "PUT")):
        if exchange is None:
            wire.respond(starting[1], {})
            continue
        wire.wait(0.01)
        request = desk.post(exchange)
        wire.wait(0.01)
        wire.ack(request)
    desk.asks(chained(7, "r1"))
    return wire.recording()


def ahead(dialect: Dialect = GWS) -> tuple[Recording, tuple[Placed, ...]]:
    recording = recorded()
    return recording, placed(recording, dialect)


def schedule(*texts: str) -> Schedule:
    return Schedule.of(map(Deviation.parse, texts))


@dataclass
class Desktop:
    """A client: it asks in the recorded order, and waits for what `waits` names before a request.

    Attributes:
        waits: Number of a triple, and the items without which its request does not leave.
        ordered: The entries of the dialect's `ordered`.
    """

    items: tuple[Placed, ...]
    waits: dict[int, frozenset[Item]] = field(default_factory=dict)
    ordered: Entries = ()

    @classmethod
    def patient(cls, items: Iterable[Placed]) -> Desktop:
        """A client that waits for all that the recorded one was told before."""
        found = tuple(items)
        asked = {one.item.triple: one.asked for one in found if one.item.triple}
        return cls(found, {n: frozenset(one.item for one in found if one.at < at) for n, at in asked.items()})

    def run(self, of: Schedule) -> Order:
        """What happens under a schedule."""
        asked = {number_of(one.item): one.asked for one in self.items if number_of(one.item)}
        left: list[tuple[tuple[int, int], int | Placed]] = [(at, n) for n, at in asked.items()]
        left = sorted([*left, *((one.at, one) for one in self.items)], key=itemgetter(0))
        holds = [(one.item, one.other) for one in of.deviations if one.kind is Kind.BEFORE]
        holds += [(one.other, one.item) for one in of.deviations if one.kind is Kind.APART]
        gone: list[str] = []
        told: set[Item] = set()
        sent: set[int] = {0}
        unmet: set[Deviation] = set()
        while left:
            ready = (one for one in left if self._may_go(one[1], told, sent) and not held(one[1], holds, told))
            taken = next(ready, None)
            if taken is None:  # nothing moves: the first that is held is let go
                taken = next((one for one in left if self._may_go(one[1], told, sent)), None)
                if taken is None:
                    break  # the client waits for what it did not ask for
                unmet |= {one for one in of.deviations if is_held_by(taken[1], one, told)}
            left.remove(taken)
            if isinstance(taken[1], int):
                sent.add(taken[1])
                gone.append(f"request {taken[1]}" if taken[1] > 0 else f"request p{-taken[1]}")
            else:
                told.add(taken[1].item)
                gone.append(str(taken[1].item))
        acts = tuple(Act(name, place * _MS) for place, name in enumerate(gone))
        return Order(acts, frozenset(of.deviations) - unmet, frozenset(unmet))

    def _may_go(self, one: int | Placed, told: set[Item], sent: set[int]) -> bool:
        if isinstance(one, int):
            return self.waits.get(one, frozenset()) <= told
        before = (other for other in self.items if other.at < one.at and is_chained(other, one, self.ordered))
        return number_of(one.item) in sent and all(other.item in told for other in before)


def number_of(item: Item) -> int:
    """Number of its request: below 0 for one that is no operation, 0 for an event that nobody asked for."""
    return item.triple or -item.plain


def held(one: int | Placed, holds: list[tuple[Item, Item]], told: set[Item]) -> bool:
    return not isinstance(one, int) and any(late == one.item and early not in told for early, late in holds)


def is_held_by(taken: int | Placed, one: Deviation, told: set[Item]) -> bool:
    if isinstance(taken, int):
        return False
    match one.kind:
        case Kind.BEFORE:
            return one.other == taken.item and one.item not in told
        case Kind.APART:
            return one.item == taken.item and one.other not in told
        case _:
            return False


def is_chained(one: Placed, other: Placed, ordered: Entries = ()) -> bool:
    """Whether two items keep their order: written here anew, so that the law is not held to itself."""
    same = one.item.index and other.item.index and one.item.triple == other.item.triple and one.channel == other.channel
    return bool(same) or any(fits(one) and fits(other) for fits in ordered)


def searched(
    explorer: Explorer, desktop: Desktop, bears: Callable[[Order], bool], limit: int = 20_000
) -> tuple[Result, list[str]]:
    """Run a search to its end; return what it found, and each schedule that it ran with its reason."""
    log: list[str] = []
    for _ in range(limit):
        trial = explorer.next()
        if trial is None:
            return explorer.result, log
        order = desktop.run(trial.schedule)
        log.append(f"{trial.why}: {trial.schedule}")
        passed = bears(order)
        explorer.ran(passed, "" if passed else "AssertionError: no record\n  at line 7", order)
    raise AssertionError("the search does not end")


def is_before(order: Order, first: str, second: str) -> bool:
    names = [act.name for act in order.acts]
    return first in names and second in names and names.index(first) < names.index(second)
