"""Exact keys of a dialect: their values identify one operation, from its request or its ack."""

from __future__ import annotations

from recorder.dialect.definition import load
from recorder.model import Link
from tests.correlate.shop import Shop, shop


def links(session: Shop) -> list[Link]:
    return [link for triple in session.recording().triples for link in triple.events]


def test_an_id_of_the_request_is_exact() -> None:
    session = Shop()
    session.acked("POST", "/items", ticket="t1")
    session.hears("Made", ticket="t1", item="i1")

    assert session.told() == [("Make", "complete", ["Made reference 1"])]
    assert links(session)[0].why == "ticket 't1' of request 6 stands in the event"


def test_an_id_of_the_ack_is_exact() -> None:
    session = Shop()
    session.acked("POST", "/items", {"ticket": "t1"})
    session.hears("Made", ticket="t1")

    assert session.told() == [("Make", "complete", ["Made reference 1"])]


def test_an_event_may_come_before_the_ack_that_tells_its_exact_id() -> None:
    session = Shop()
    make = session.asks("POST", "/items")
    session.hears("Made", ticket="t1")
    session.hears("Made", ticket="t2")
    session.wire.respond(make, {"ticket": "t1"})

    assert session.told() == [("Make", "complete", ["Made reference 1"])]
    assert [one.event.data["ticket"] for one in session.unsolicited()] == ["t2"]


def test_an_exact_id_wins_over_the_values_that_another_operation_shares() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", ticket="t1")
    session.acked("PATCH", "/items/i1", ticket="t2")
    session.hears("Changed", item="i1", ticket="t2")

    assert session.told() == [("Change", "acked", []), ("Change", "complete", ["Changed reference 1"])]


def test_an_exact_id_with_several_values_needs_one_in_common() -> None:
    session = Shop()
    session.acked("POST", "/items", {"tickets": ["t1", "t2"]})
    session.hears("Made", tickets=["t0", "t2"])

    assert session.told()[0][2] == ["Made reference 1"]
    assert links(session)[0].why == "ticket 't2' of request 6 stands in the event"


def test_an_exact_id_on_one_side_bars_a_link_by_values() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", ticket="t1")
    session.hears("Shown", item="i1")

    assert session.told() == [("Change", "acked", [])]


def test_an_event_that_never_repeats_an_exact_id_is_linked_by_values() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", {"ticket": "t1"})
    session.hears("Changed", item="i1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9"])]


def test_no_event_of_a_dialect_needs_to_repeat_an_exact_id() -> None:
    session = Shop(shop('unreferenced = ["Changed", "Removed"]', 'unreferenced = ["*"]'))
    session.acked("PATCH", "/items/i1", {"ticket": "t1"})
    session.hears("Shown", item="i1")

    assert session.told() == [("Change", "acked", ["Shown tuple 0.9"])]


def test_an_event_with_an_exact_id_of_nobody_is_not_linked_by_values() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", ticket="t9")

    assert session.told() == [("Change", "acked", [])]


def test_an_ack_takes_an_event_from_the_request_that_a_weaker_rule_had_found() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    make = session.asks("POST", "/items")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Made", ticket="t1", change="c1")
    session.wire.respond(make, {"ticket": "t1"})

    assert session.told() == [
        ("Change", "complete", ["Changed tuple 0.9"]),
        ("Make", "complete", ["Made reference 1"]),
    ]


def test_an_operation_reopens_when_the_event_that_ended_it_is_taken() -> None:
    session = Shop(shop('unreferenced = ["Changed", "Removed"]', 'unreferenced = ["*"]'))
    session.asks("POST", "/open", room="r1")
    make = session.asks("POST", "/items")
    session.wire.respond(session.asks("POST", "/close"), {})
    session.hears("Error", room="r1", ticket="t1")
    session.wire.respond(make, {"ticket": "t1"})

    assert session.told() == [
        ("Open", "aborted", []),
        ("Make", "failed", ["Error reference 1"]),
        ("Close", "acked", []),
    ]


def test_the_two_keys_of_the_first_dialect_are_exact_without_being_named() -> None:
    assert load("gws-outbound").exact == ("reference", "inner_reference")
    assert load("salesforce-changes").exact == ()
