"""The rows of a live page say what is wrong with an item."""

from __future__ import annotations

import json

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.viewer.live.rows import exchange, whole
from recorder.views.pages.problems import Usual
from tests.viewer.live.test_recording import codes
from tests.wire import HEADER, Wire, chained, complete, done, record_event, twin


def rows(wire: Wire) -> list[dict[str, object]]:
    return [exchange(triple, str(triple.n), Usual(), 0) for triple in correlate(wire.records, load(), HEADER).triples]


def test_an_event_before_its_ack_is_early_and_a_twin_is_sure_enough() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    desk.hears(done(7, "r1"), twin("ChainedRecordsDataEnd", 7))
    wire.wait(0.1)
    wire.ack(post)

    (row,) = rows(wire)

    assert codes(row) == []
    assert [codes(event) for event in row["events"]] == [["early"], ["early"]]  # type: ignore[attr-defined]


def test_a_refusal_is_a_failure() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(chained(7, "r1")), {"statusCode": 2}, status=500)
    wire.respond(desk.post(complete(8, "r2")), {"statusCode": 2})

    first, second = rows(wire)

    assert (codes(first), codes(second)) == (["failed"], ["failed"])


def test_of_many_events_the_last_ones_are_told() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")))
    for _ in range(150):
        desk.hears(record_event("ChainedRecord", 7, "r1"))

    (row,) = rows(wire)

    assert (row["before"], len(row["events"])) == (50, 100)  # type: ignore[arg-type]
    triple = correlate(wire.records, load(), HEADER).triples[0]
    assert len(whole(triple, "1")["events"]) == 100
    json.dumps(row)
