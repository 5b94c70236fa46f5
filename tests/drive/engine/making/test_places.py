"""Places of values are looked at once, and so many are remembered."""

from __future__ import annotations

import pytest

from recorder.dialect.paths import pair_of
from recorder.drive.engine.making.leaves import ALL, Leaf, of_json
from recorder.drive.engine.making.places import Places, asked_for, thing_after, thing_of
from recorder.requests.masks import Address


def looked_at(count: list[Address]) -> Places:
    return Places(lambda path: count.append(path) is not None)


def test_a_place_is_looked_at_once():
    seen: list[Address] = []
    kind = looked_at(seen).kind("event", lambda _: "", "")

    assert kind.root("member").at("call").at("id") is kind.root("member").at("call").at("id")
    assert seen == [("member",), ("member", "call"), ("member", "call", "id")]


def test_kinds_have_places_of_their_own():
    places = looked_at([])
    order = places.kind("order", lambda _: "order", "orders").root("member").at("id")
    call = places.kind("call", lambda _: "call", "calls").root("member").at("id")

    assert (order.key, order.thing) == ("order", "order")
    assert (call.key, call.thing) == ("call", "call")


def test_the_value_of_a_pair_is_found_by_its_name():
    pair = pair_of({"key": "user.phone", "value": "555"})
    assert pair is not None
    element = looked_at([]).kind("event", lambda _: "", "").root("member").at("data").at(3)

    place = element.beside(pair)

    assert place.address == ("member", "data", 3, "value")
    assert (place.path, place.called) == (("member", "data", "user", "phone"), "phone")


def test_objects_with_ids_for_names_fill_no_memory(monkeypatch):
    monkeypatch.setattr("recorder.drive.engine.making.places._PLACES", 200)
    seen: list[Address] = []
    places = looked_at(seen)
    found: list[Leaf] = []
    value = {"calls": {str(number): 1 for number in range(300)}}

    of_json(value, places.kind("event", lambda _: "", "").root("member"), found, ALL)
    before = len(seen)
    of_json(value, places.kind("event", lambda _: "", "").root("member"), [], ALL)

    assert len(found) == 300
    assert found[-1].place.address == ("member", "calls", "299")
    assert len(seen) - before == before  # all were forgotten, and looked at again


@pytest.mark.parametrize(
    ("path", "around", "thing"),
    [
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
    called = next(part for part in reversed(path) if isinstance(part, str))
    assert thing_of(path, called, around) == thing


@pytest.mark.parametrize(
    ("segment", "thing"), [("orders", "order"), ("order-lines", "orderline"), ("v2", ""), ("", "")]
)
def test_the_thing_after_a_segment_of_a_path(segment, thing):
    assert thing_after(segment) == thing


def test_what_a_request_asks_for():
    assert asked_for("/api/v2/orders/17?x=1") == "orders"
    assert asked_for("/17") == ""
