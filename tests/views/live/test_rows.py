"""A capture as it grows."""

from __future__ import annotations

from typing import Any

from recorder.dialect.definition import load
from recorder.model import Note
from recorder.views.live.rows import Live, as_line
from tests.answers import DIALECT, publish, recorded, yes
from tests.views.test_table import HOSTILE
from tests.wire import Wire, chained, complete, done, get_me, record_event, state_event, twin


def told(wire: Wire) -> list[dict[str, Any]]:
    live = Live(load())
    return [row for record in wire.records for row in live.feed(record)]


def lines(wire: Wire) -> list[str]:
    return [as_line(row) for row in told(wire)]


def test_a_triple_is_told_as_it_unfolds() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {})
    post = desk.post(chained(7, "r1"))
    wire.wait(0.025)
    wire.ack(post)
    wire.wait(1)
    desk.hears(done(7, "r1"), twin("ChainedRecordsDataEnd", 7))

    assert lines(wire) == [
        "     0.000     1  request  GetChainedRecord  7  r1",
        "     0.025     1  ack      200  +25 ms",
        "     1.025     1  event    ChainedRecordsDataEnd  /v2/me/outbound  +1025 ms  (reference, 1)",
        "     1.025     1  event    ChainedRecordsDataEnd  /me/internal  +1025 ms  (twin, 0.95)",
    ]


def test_an_event_nobody_asked_for_so_far_says_so() -> None:
    wire = Wire()
    wire.desk().hears(state_event())

    assert lines(wire) == ["     0.000        event    /v2/me/devices  /v2/me/devices  unsolicited so far"]


def test_an_event_that_an_ack_explains_is_told_again() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(8))
    desk.hears(record_event("ChainedRecordsDataEnd", 9, "late", campaignName=None, devicePath=None))
    wire.ack(post, referenceId="late")

    assert [(row["kind"], row["n"]) for row in told(wire)] == [
        ("request", 1), ("event", None), ("ack", 1), ("event", 1),
    ]  # fmt: skip


def test_a_failure_and_a_note() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(complete(7, "r")))
    wire.records.append(Note(len(wire.records), 0, "close", "the end"))

    assert lines(wire)[1:] == [
        "     0.000     1  failure  no ack: Client disconnected.  +0 ms",
        "     0.000        note     close: the end",
    ]


def test_a_request_that_is_repeated_keeps_its_number() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.fail(desk.post(chained(7, "r1")))
    wire.ack(desk.post(chained(7, "r1")))
    wire.ack(desk.post(complete(7, "r2")))

    found = [row["n"] for row in told(wire) if row["kind"] == "request"]

    assert found == [1, 1, 2]
    assert [triple.n for triple in wire.recording().triples] == [1, 2]


def test_hostile_text_is_inert() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(chained(HOSTILE, HOSTILE)), HOSTILE.encode())
    desk.hears(done(HOSTILE, HOSTILE) | {"channel": f"/{HOSTILE}"})
    wire.fail(desk.post(complete(HOSTILE)), HOSTILE)

    assert len(lines(wire)) == 5
    assert all(line.isprintable() for line in lines(wire))


def test_publishes_are_told_as_operations() -> None:
    wire = Wire()
    recorded(wire)
    desk = wire.desk()
    one, two = publish(desk, "r3"), publish(desk, "r4")
    wire.respond(desk.bayeux(one, two), [yes(two), yes(one)])
    wire.fail(desk.bayeux(publish(desk, "r5")))
    live = Live(DIALECT)

    assert [as_line(row) for record in wire.records for row in live.feed(record)] == [
        "     0.000     1  request  /service/double  -  recorded-1",
        "     0.100     1  ack      200  +100 ms",
        "     0.200     1  event    /result  /result  +200 ms  (reference, 1)",
        "     0.200     2  request  /service/double  -  recorded-2",
        "     0.300     2  ack      200  +100 ms",
        "     0.400     2  event    /result  /result  +200 ms  (reference, 1)",
        "     0.400     3  request  /service/double  -  r3",
        "     0.400     4  request  /service/double  -  r4",
        "     0.400     4  ack      200  +0 ms",
        "     0.400     3  ack      200  +0 ms",
        "     0.400     5  request  /service/double  -  r5",
        "     0.400     5  failure  no ack: Client disconnected.  +0 ms",
    ]
