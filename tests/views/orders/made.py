"""A recording with several sessions, batches and unsolicited events, and schedules of it."""

from __future__ import annotations

from recorder.dialect.definition import load
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Kept, Schedule
from recorder.views.orders.beside import Orders, orders
from tests.wire import Wire, chained, complete, done, record_event, state_event, twin

RECORDED = [
    "request 1", "ack 1", "event 1.1", "event 1.2", "event 1.3", "request 2", "ack 2", "event 2.1",
    "event u1", "event 1.4", "request 3", "ack 3", "event 3.1",
]  # fmt: skip


def session() -> Wire:
    """Two desktops: `event 1.1` to `1.3` come in one answer, `event u1` and `event 1.4` in another."""
    wire = Wire()
    first, second = wire.desk(), wire.desk("other")
    wire.wait(1)
    asked = first.post(chained(7, "r1"))
    first.polls()
    wire.wait(0.02)
    wire.ack(asked)
    wire.wait(0.03)
    first.hears(record_event("ChainedRecord", 7, "r1"), record_event("ChainedRecord", 8, "r1"), done(7, "r1"))
    wire.wait(0.03)
    second.asks(chained(9, "r2"), done(9, "r2"), ms=40)
    wire.wait(0.01)
    first.hears(state_event(), twin("ChainedRecord", 7))
    first.asks(complete(7, "r3"), record_event("RecordProcessedAcknowledge", 7, "r3"), ms=30)
    return wire


def calls() -> Wire:
    """One desktop that is led elsewhere and lists its calls; an event comes when the answer with the calls has come."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    page = wire.request("GET", "/", b"")
    wire.respond(page, b"", status=302)
    asked = desk.post(chained(7, "r1"))
    listed = wire.request("GET", "/calls?state=open", b"")
    wire.wait(0.02)
    wire.ack(asked)
    wire.wait(0.02)
    wire.respond(listed, [{"id": 7}])
    wire.wait(0.02)
    desk.hears(done(7, "r1"))
    return wire


def schedule(*texts: str, played: list[tuple[str, float]] | None = None) -> Kept:
    """A schedule of `a.cassette`, with the order of a run if it is told."""
    return Kept(Schedule.of(map(Deviation.parse, texts)), ("a.cassette",), "test", "says", tuple(played or ()))


def drawn(wire: Wire, kept: Kept) -> Orders:
    """The recorded order beside that of a schedule."""
    return orders(wire.recording(load()), load(), kept)


def lines(found: Orders) -> list[str]:
    """The lines, as texts: `ack 1 | ack 1`."""
    left, right = found.rows["recorded"]["name"], found.rows["played"]["name"]
    return [" | ".join(["-" if i < 0 else left[i], "-" if j < 0 else right[j]]) for i, j in found.rows["rows"]]
