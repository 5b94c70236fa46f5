"""A stale answer is one that does not know of an event, or of a change, which came before its request."""

from __future__ import annotations

import pytest

from recorder.explore.placed import placed
from recorder.explore.stale import Stale, Staleness
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from tests.explore.desk import GWS, asked_late, changed_late
from tests.wire import Wire, chained, done

ITEMS = placed(asked_late(), GWS)
ANSWER, EVENT, OTHER = Item(0, plain=1), Item(1, 1), Item(1, 2)


def order(*names: str) -> Order:
    return Order(tuple(Act(name, 0.0) for name in names))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["event 1.1", "request p1", "answer p1"], (Stale(ANSWER, EVENT),)),
        (["event 1.1", "event 1.2", "request p1", "answer p1"], (Stale(ANSWER, EVENT), Stale(ANSWER, OTHER))),
        (["request p1", "event 1.1", "answer p1"], ()),
        (["request p1", "answer p1", "event 1.1"], ()),
        (["event 1.1", "request p1"], ()),
        (["request p1", "event 1.1", "answer p1", "request p1", "answer p1"], (Stale(ANSWER, EVENT),)),  # asked again
        (["ack 1", "event 1.1", "request p1", "answer p1"], (Stale(ANSWER, EVENT),)),
        (["request p1", "answer p1", "event 1.1", "request p1"], ()),
        (["event 1.1", "answer p1"], ()),  # an order that was cut lacks the request
        ([], ()),
    ],
)
def test_an_event_before_the_request_makes_the_answer_stale(names: list[str], found: tuple[Stale, ...]) -> None:
    assert Staleness(ITEMS).of(order(*names)) == found


def test_what_the_client_does_in_the_recorded_order_is_not_told() -> None:
    usual = order("event 1.1", "request p1", "answer p1")

    assert Staleness(ITEMS, usual).of(usual) == ()
    assert Staleness(ITEMS, usual).of(order("event 1.2", "event 1.1", "request p1", "answer p1")) == (
        Stale(ANSWER, OTHER),
    )
    assert Staleness().of(usual) == ()


CHANGING = placed(changed_late(), GWS)
LIST, CHANGE, ACK = Item(0, plain=3), Item(0, plain=4), Item(1)


def test_the_recording_has_a_list_a_change_and_an_operation() -> None:
    assert [(str(one.item), one.name) for one in CHANGING] == [
        ("answer p1", "GET /me"), ("answer p3", "GET /calls"), ("answer p2", "GET /devices"),
        ("answer p4", "PUT /calls/5"), ("ack 1", "GetChainedRecord"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["request p4", "answer p4", "request p3", "answer p3"], (Stale(LIST, CHANGE),)),
        (["request 1", "ack 1", "request p3", "answer p3"], (Stale(LIST, ACK),)),
        (["request p4", "request p3", "answer p4", "answer p3"], ()),  # the list may be older than the change
        (["request p3", "answer p4", "answer p3"], ()),
        (["answer p1", "answer p2", "request p3", "answer p3"], ()),  # these change nothing
        (["request p1", "ack 1", "request p2", "answer p2"], (Stale(Item(0, plain=2), ACK),)),
        (["request p3", "answer p3", "request p4", "answer p4"], ()),
    ],
)
def test_what_the_client_changed_before_the_request_makes_the_answer_stale(
    names: list[str], found: tuple[Stale, ...]
) -> None:
    assert Staleness(CHANGING).of(order(*names)) == found


def test_events_are_told_before_what_the_client_changed() -> None:
    wire = Wire()
    desk = wire.desk()
    request = wire.request("GET", "/calls", b"")
    wire.respond(request, {})
    desk.asks(chained(7, "r1"), done(7, "r1"))
    run = order("request 1", "ack 1", "event 1.1", "request p1", "answer p1")

    assert Staleness(placed(wire.recording(), GWS)).of(run) == (Stale(ANSWER, EVENT), Stale(ANSWER, ACK))
