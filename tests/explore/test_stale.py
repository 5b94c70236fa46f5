"""A stale answer is one that does not know of an event which came before its request."""

from __future__ import annotations

import pytest

from recorder.explore.placed import placed
from recorder.explore.stale import Stale, Staleness
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from tests.explore.desk import GWS, asked_late

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
