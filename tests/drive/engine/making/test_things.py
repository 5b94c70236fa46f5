"""Of which kind of thing an id is."""

from __future__ import annotations

import pytest

from recorder.drive.engine.making.things import asked_for, thing_of


@pytest.mark.parametrize(
    ("path", "around", "thing"),
    [
        (("path", 2), "orders", "order"),
        (("path", 2), "order-lines", "orderline"),
        (("path", 2), "v2", ""),
        (("member", "orderId"), "", "order"),
        (("member", "order_id"), "", "order"),
        (("member", "order", "id"), "", "order"),
        (("member", "categories", 0, "id"), "", "category"),
        (("member", "id"), "orders", "order"),
        (("member", "address", "street"), "", ""),
        (("query", "recordHandle", 0), "", "record"),
    ],
)
def test_the_thing_of_a_place(path, around, thing):
    assert thing_of(path, around) == thing


def test_what_a_request_asks_for():
    assert asked_for("/api/v2/orders/17?x=1") == "orders"
    assert asked_for("/17") == ""
