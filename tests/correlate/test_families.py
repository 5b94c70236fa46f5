"""Many operations that one event may belong to: each costs the same, and linking finds what looking at all finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import given

from recorder.correlate.causes.rules import MOST_RIVALS, by_key, by_tuple
from recorder.correlate.engine import Correlator
from recorder.correlate.operations import Operation, Seen, is_over
from recorder.dialect.definition import Dialect, load
from recorder.model import Link, Recording
from tests.correlate.shop import Shop
from tests.correlate.tape import Tape, dialect
from tests.correlate.test_properties import dialects, played, steps
from tests.costs import assert_grows
from tests.wire import Wire, chained, done, error_event, twin

GWS = load("gws-outbound")
SMALL, LARGE = 150, 1200
MOST_GROWTH = 4  # what a record of the large size may cost, by one of the small size; quadratic would be 8


def shared(count: int) -> Recording:
    """Equal requests, answered, and events that belong to any of them."""
    session = Shop()
    for _ in range(count):
        session.acked("PATCH", "/items/1", room="r")
    for _ in range(count):
        session.hears("Changed", item="1", room="r")
    return session.recording()


def only(count: int) -> Recording:
    """Equal requests that share nothing with their events."""
    session = Shop()
    for _ in range(count):
        session.acked("POST", "/open")
    for _ in range(count):
        session.hears("Opened")
    return session.recording()


def never(count: int) -> Recording:
    """Open operations that never get their event, and as many events of others."""
    session = Shop()
    for _ in range(count):
        session.acked("PATCH", "/items/1", room="r")
        session.hears("Removed", item="1")
    return session.recording()


def handle(count: int) -> Recording:
    """Operations on one handle."""
    wire = Wire()
    desk = wire.desk()
    for _ in range(count):
        wire.ack(desk.post(chained(7)))
    for _ in range(count):
        desk.hears(done(7))
    return wire.recording(GWS)


def equal_ids(count: int) -> Recording:
    """Operations that all have one id."""
    wire = Wire()
    desk = wire.desk()
    for _ in range(count):
        wire.ack(desk.post(chained(7, "r")))
    for _ in range(count):
        desk.hears(done(7, "r"))
    return wire.recording(GWS)


def silent_events(count: int) -> Recording:
    """Operations with an id each, and events without one."""
    wire = Wire()
    desk = wire.desk()
    for number in range(count):
        wire.ack(desk.post(chained(7, f"r{number}")))
    for _ in range(count):
        desk.hears(done(7))
    return wire.recording(GWS)


def errors(count: int) -> Recording:
    """Operations on one device, and error events on it."""
    wire = Wire()
    desk = wire.desk()
    for _ in range(count):
        wire.ack(desk.post(chained(7)))
    for _ in range(count):
        desk.hears(error_event())
    return wire.recording(GWS)


def early_twins(count: int) -> Recording:
    """Operations with an id each, whose twins come before their originals."""
    wire = Wire()
    desk = wire.desk()
    for number in range(count):
        wire.ack(desk.post(chained(7, f"r{number}")))
    for _ in range(count):
        desk.hears(twin("ChainedRecordsDataEnd"))
    for number in range(count):
        desk.hears(done(7, f"r{number}"))
    return wire.recording(GWS)


def sessions(count: int) -> Recording:
    """Sessions that have one operation each, on one item."""
    session = Shop()
    desks = [session.wire.desk(headers=(("Cookie", f"sid={number}"),)) for number in range(count)]
    for desk in desks:
        session.wire.respond(session.asks("PATCH", "/items/1", desk, room="r"), {})
    for desk in desks:
        session.hears("Changed", desk, item="1", room="r")
    return session.recording()


def calls(count: int) -> Recording:
    """Equal calls, open while their events come in a stream."""
    tape = Tape()
    stream = tape.stream()
    for _ in range(count):
        tape.order("r")
    for _ in range(count):
        tape.tell(stream, "Ordered", "r")
    return tape.recording(dialect())


@pytest.mark.parametrize(
    "made", [shared, only, never, handle, equal_ids, silent_events, errors, early_twins, sessions, calls]
)
def test_an_event_costs_the_same_however_many_operations_are_open(made: Callable[[int], object]) -> None:
    made(20)  # what is made once

    assert_grows(partial(made, SMALL), partial(made, LARGE), at_most=MOST_GROWTH * LARGE / SMALL)


@pytest.mark.parametrize("made", [shared, only, handle])
def test_a_link_names_the_oldest_rivals_and_tells_how_many_there_are(made: Callable[[int], Recording]) -> None:
    recording = made(150)
    link = recording.triples[149].events[0]

    assert link.rivals == tuple(triple.request.seq for triple in recording.triples[:MOST_RIVALS])
    assert "149" in link.why


@given(steps, dialects)
def test_looking_at_one_of_each_family_finds_what_looking_at_all_finds(script: list[Any], by: Dialect) -> None:
    def compared(seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        every = [op for op in operations if op.again is None]
        still = [op for op in every if not is_over(op, seen.event.t, by)]
        if link is not None and link.rule == "tuple":
            found = by_tuple(seen, by, still)
        elif link is not None and link.rule == "reference":
            key = next(name for name in by.exact if f"{name} " in link.why and name in seen.keys)
            found = by_key(seen, key, by, [op for op in every if _shares(op, key, seen)])
        else:
            return
        assert found is not None
        assert found[1] == link

    correlator = Correlator(by, watch=compared)
    for record in played(script, by).wire.records:
        correlator.feed(record)


def _shares(op: Operation, key: str, seen: Seen) -> bool:
    mine, its = (keys.get(key, ()) for keys in (op.keys, seen.keys))
    both = ({value} if isinstance(value, str) else set(value) for value in (mine, its))
    return bool(set.intersection(*both))


def test_a_twin_of_many_is_one_of_few_rivals() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(150):
        wire.ack(desk.post(chained(7, f"r{number}")))
    for number in range(150):
        desk.hears(done(7, f"r{number}"))
    desk.hears(twin("ChainedRecordsDataEnd"))

    link = wire.recording(GWS).triples[0].events[1]

    assert len(link.rivals) == MOST_RIVALS
    assert link.why.endswith("other requests with such an event: 149")
