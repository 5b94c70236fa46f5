"""Whatever was recorded, the dialect that is derived can be read again, and its checks find no mistake."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.cassette.reader import Cassette
from recorder.dialect.definition import Dialect, parse
from recorder.errors import NothingSelected
from recorder.suggest import suggest
from tests.answers import yes
from tests.bayeux.hostile import VALUES
from tests.cli.test_hostile import TRAFFIC, Exchange, recorded
from tests.wire import HEADER, Ask, Wire

# Parts of paths and channels that a template writes in another way, or not at all.
ODD = ["q\udcff-17", "\ud800", "a|b", "{id}", "{", "}{", ":id", "*", "**", "%", "%zz", "é", "<id>", "a?", '"', " ", ""]
PARTS = st.sampled_from(["calls", "7", *ODD]) | st.text(min_size=1, max_size=5)


def derived(wire: Wire) -> Dialect:
    """The dialect that a conversation teaches, as it is read again."""
    found = suggest([Cassette(HEADER, tuple(wire.records))])
    return parse(found.text, path="suggested.toml")


def conversation(*paths: str, method: str = "POST") -> Wire:
    """A desktop that asks for each path, and is sent an event with the id of the request."""
    wire = Wire()
    desk = wire.desk()
    for number, path in enumerate(paths):
        reference = f"q-{number}7ab"
        data = {"reference": reference, "type": "Done"}
        desk.asks(Ask(path, {"reference": reference}, method), {"channel": "/done", "data": data})
    return wire


@settings(max_examples=50)
@given(TRAFFIC)
def test_any_traffic_gives_a_dialect_that_can_be_read(traffic: list[Exchange]) -> None:
    with suppress(NothingSelected):
        derived(recorded(traffic))


@given(st.lists(st.tuples(st.lists(PARTS, min_size=1, max_size=3), VALUES), min_size=1, max_size=4))
def test_any_paths_and_channels_give_a_dialect_that_can_be_read(asked: list[tuple[list[str], Any]]) -> None:
    wire = Wire()
    desk = wire.desk()
    for number, (parts, value) in enumerate(asked):
        place = f"/{'/'.join(parts)}"
        content = {"referenceId": f"q\ud800-{number}", "of": value}
        desk.asks(Ask(place, content), {"channel": place, "data": content})

    derived(wire)


def test_of_two_operations_that_fit_a_request_the_narrower_one_comes_first() -> None:
    found = derived(conversation("/orders/1234567", "/orders/7654321", "/orders/search"))

    assert list(found.operations) == ["Search", "CreateOrder"]
    assert found.name_of("POST", "/orders/search", {}) == "Search"
    assert found.name_of("POST", "/orders/1212121", {}) == "CreateOrder"


@pytest.mark.parametrize("before", ["0x", "1st"])
def test_an_id_after_a_part_that_is_no_name_has_a_name(before: str) -> None:
    found = derived(conversation(f"/{before}/1234567", f"/{before}/7654321"))

    assert found.name_of("POST", f"/{before}/1212121", {}) is not None


@pytest.mark.parametrize("odd", ["{x}", "q\ud800", "\udcff", ":id", "a|b", "**", " "])
def test_a_part_that_no_template_can_hold_is_left_open(odd: str) -> None:
    found = derived(conversation(f"/orders/{odd}/close", "/orders"))

    assert found.name_of("POST", f"/orders/{odd}/close", {}) is not None


@pytest.mark.parametrize("name", ["q\ud800", "a[0]", "{a}", "a}", "a/", "-1", " id", "a.b", "*"])
def test_a_member_whose_name_no_path_can_hold_is_left_out(name: str) -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(3):
        content = {name: f"q-{number}7ab", "ref": f"r-{number}7ab"}
        desk.asks(Ask("/orders", content), {"channel": "/done", "data": content})

    found = derived(wire)

    assert found.request_keys == {"reference": ("body.ref",)}


@pytest.mark.parametrize("header", ["Server", "ETag", "x y", "\udcff"])
def test_a_header_that_no_path_can_name_is_left_out(header: str) -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(3):
        desk.headers = ((header, f"q-{number}7ab"),)
        desk.asks(Ask("/orders", {"ref": number}), {"channel": "/done", "data": {"of": f"q-{number}7ab"}})

    assert derived(wire).request_keys == {}


def test_events_whose_whole_data_is_an_id_are_read() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(3):
        desk.asks(Ask("/orders", {"reference": f"q-{number}7ab"}), {"channel": "/done", "data": f"q-{number}7ab"})

    assert derived(wire).operations


@pytest.mark.parametrize("without", [{0}, {1}, {0, 1}])
def test_a_publish_without_data_is_a_request_as_others_on_its_channel(without: set[int]) -> None:
    wire = Wire()
    desk = wire.desk()
    ping = {"channel": "/service/ping", "clientId": desk.client_id}
    for number in range(2):
        sent = ping if number in without else ping | {"data": {"n": number}}
        desk.polls()
        asked = desk.bayeux(sent)
        wire.wait(0.1)
        wire.respond(asked, [yes(sent | {"id": None})])
        wire.wait(0.1)
        desk.hears({"channel": "/service/ping", "data": {"up": True}})

    assert derived(wire).is_publish("/service/ping")


def test_requests_that_only_read_teach_nothing_if_no_event_repeats_them() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(Ask("/orders", b"", "GET"), {"channel": "/done", "data": {"type": "Done"}})

    with pytest.raises(NothingSelected, match="only GET requests"):
        derived(wire)


@pytest.mark.parametrize(("method", "target"), [("OPTIONS", "*"), ("NOTIFY", "/orders"), ("POST", "orders")])
def test_a_request_that_no_dialect_can_name_is_none_of_its_operations(method: str, target: str) -> None:
    wire = conversation("/orders/1234567")
    wire.ack(wire.request(method, target, b""))

    assert list(derived(wire).operations) == ["CreateOrder"]
