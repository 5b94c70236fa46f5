"""Two orders on a page: what the page calls their items, and which of them the schedule moves."""

from __future__ import annotations

from typing import Any

from recorder.cassette.reader import Cassette
from recorder.dialect.definition import load
from recorder.library.recording import joined
from recorder.views.document import Document
from recorder.views.orders.beside import orders
from recorder.views.report import Part, Source, comparison, document, part, parts
from tests.views.orders.made import calls, drawn, schedule, session
from tests.wire import HEADER, Wire


def part_of(wire: Wire) -> Part:
    return part("a.cassette", Cassette(HEADER, tuple(wire.records)), load())


def moved(made: Document) -> list[list[Any]]:
    """The problems that a schedule makes, of each recording: columns and place."""
    return [[one[:2] for one in row["problems"] if one[2] == "deviates"] for row in made.rows["recordings"]]


def test_a_page_without_a_schedule_has_no_orders() -> None:
    assert "orders" not in document([part_of(session())], "t").rows


def test_what_a_schedule_moves_is_a_problem_of_its_item() -> None:
    wire = session()

    made = document([part_of(wire)], "t", drawn(wire, schedule("ack 2 1s late", "event 2.1 twice", "event u1 twice")))

    assert moved(made) == [[["triples", 1], ["events", 4], ["unsolicited", 0]]]
    texts = [one[4] for one in made.rows["recordings"][0]["problems"] if one[2] == "deviates"]
    assert texts[0] == "In this schedule the ack of GetChainedRecord (triple 2) comes 1 s later than recorded."
    assert made.rows["orders"]["unsolicited"] == [1]


def test_in_several_cassettes_items_are_numbered_on() -> None:
    wires = [session(), session()]
    recording = joined([wire.recording(load()) for wire in wires])

    made = document(
        [part_of(wire) for wire in wires],
        "t",
        orders(recording, load(), schedule("event 5.1 before ack 5", "event u2 twice")),
    )

    assert moved(made) == [[], [["events", 4], ["unsolicited", 0]]]
    assert made.rows["orders"]["unsolicited"] == [1, 2]


def test_the_page_numbers_unsolicited_events_by_their_time() -> None:
    early, late = session(), Wire()
    late.wait(60)
    late.desk().hears({"channel": "/v2/me/devices", "data": {"messageType": "DeviceStateChangeMessage"}})
    recording = joined([wire.recording(load()) for wire in (late, early)])

    made = document([part_of(late), part_of(early)], "t", orders(recording, load(), schedule()))

    assert made.rows["orders"]["unsolicited"] == [2, 1]


def test_a_page_of_some_triples_has_the_order_of_these_alone() -> None:
    wire = session()
    some = parts([Source("a", HEADER, wire.records, load())], keep=lambda one: one["n"] == 2, most=None)

    made = document(some, "t", drawn(wire, schedule("event u1 twice", "event 1.1 twice", "event 2.1 twice")))

    found = made.rows["orders"]
    assert moved(made) == [[["events", 0]]]
    assert found["unsolicited"] == []
    assert found["recorded"]["name"] == ["request 2", "ack 2", "event 2.1"]
    assert found["played"]["name"] == ["request 2", "ack 2", "event 2.1", "event 2.1"]
    assert found["rows"] == [[0, 0], [1, 1], [2, 2], [-1, 3]]


def test_in_a_comparison_the_orders_are_of_the_old_recording() -> None:
    wire = session()

    made = comparison(part_of(wire), part_of(wire), "t", [], drawn(wire, schedule("event 2.1 twice", "event u1 twice")))

    assert moved(made) == [[["events", 4], ["unsolicited", 0]], []]
    assert made.rows["orders"]["unsolicited"] == [1]


def test_an_exchange_that_is_no_operation_is_numbered_as_the_page_does_and_marked_where_it_moves() -> None:
    wire = calls()

    made = document([part_of(wire)], "t", drawn(wire, schedule("answer p2 1s late")))

    assert moved(made) == [[["plain", 1]]]
    assert made.rows["orders"]["exchanges"] == {"p2": ["GET /calls", "s1", 2]}


def test_in_several_cassettes_exchanges_are_numbered_on() -> None:
    early, late = calls(), Wire()
    late.wait(60)
    late.respond(late.request("GET", "/state", b""), {})
    recording = joined([wire.recording(load()) for wire in (late, early)])

    made = document(
        [part_of(late), part_of(early)], "t", orders(recording, load(), schedule("event 1.1 before answer p3"))
    )

    assert [place for _, _, place in made.rows["orders"]["exchanges"].values()] == [2, 3]
    assert moved(made) == [[], [["events", 0]]]


def test_a_page_of_some_triples_has_the_exchanges_that_the_schedule_names_without_a_number() -> None:
    wire = calls()
    wire.respond(wire.request("GET", "/state", b""), {})
    some = parts([Source("a", HEADER, wire.records, load())], keep=lambda one: one["n"] == 1, most=None)

    made = document(some, "t", drawn(wire, schedule("event 1.1 before answer p2", "answer p2 1s late")))

    found = made.rows["orders"]
    assert found["exchanges"] == {"p2": ["GET /calls", "s1", None]}
    assert moved(made) == [[["events", 0]]]
    assert found["recorded"]["name"] == ["request 1", "request p2", "ack 1", "answer p2", "event 1.1"]
    assert "request p3" not in found["played"]["name"]


def test_in_a_comparison_exchanges_are_those_of_the_old_recording() -> None:
    wire = calls()

    made = comparison(part_of(wire), part_of(wire), "t", [], drawn(wire, schedule("answer p2 1s late")))

    assert moved(made) == [[["plain", 1]], []]
    assert made.rows["orders"]["exchanges"]["p2"] == ["GET /calls", "s1", 2]
