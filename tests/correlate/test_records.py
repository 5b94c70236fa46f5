"""Operations of several records: which of them an ack counts, and when they have ended."""

from __future__ import annotations

import pytest

from recorder.model import Triple, Value
from tests.correlate.shop import Shop, shop


def only(session: Shop) -> Triple:
    (triple,) = session.recording().triples
    return triple


def test_an_operation_gets_the_events_of_each_of_its_records() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i2")
    session.hears("Changed", item="i3")
    session.hears("Changed", item="i1")

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9", "Changed tuple 0.9"])]
    assert [one.event.data["item"] for one in session.unsolicited()] == ["i3"]


def test_an_operation_waits_for_the_last_of_its_records() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1")
    session.wire.wait(30)

    assert session.told()[0][1] == "acked"

    session.hears("Changed", item="i2")

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9", "Changed tuple 0.9"])]


def test_an_event_of_several_records_ends_them_all() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", items=["i1", "i2"])

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9"])]


def test_an_event_without_a_record_ends_the_operation_as_a_whole() -> None:
    session = Shop()
    session.acked("POST", "/batch", ticket="t1", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Made", ticket="t1")

    assert session.told() == [("Batch", "complete", ["Made reference 1"])]


def test_a_record_that_was_done_is_another_operations_when_it_changes_again() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1")
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1")
    session.hears("Changed", item="i2")

    assert session.told() == [
        ("Batch", "complete", ["Changed tuple 0.9", "Changed tuple 0.9"]),
        ("Change", "complete", ["Changed tuple 0.7"]),
    ]


def test_a_record_that_was_done_gets_a_later_event_with_less_confidence() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1")
    session.hears("Made", item="i1")

    assert session.told()[0][2] == ["Changed tuple 0.9", "Made tuple 0.7"]


@pytest.mark.parametrize(
    ("asked", "made", "keys"),
    [
        (["i1", "i2", "i3"], ["i1", "i3"], ("i1", "i3")),  # partial success: i2 failed
        (["i1", "i2"], ["i2"], "i2"),
        (["i1", "i2"], ["i2", "i7"], ("i2", "i7")),
        (["i1", "i2"], ["i7", "i8"], ("i1", "i2", "i7", "i8")),  # a composite: two were changed, two made
        (["i1"], ["i7"], ("i1", "i7")),  # a path with a `*` has several values even where it has one
        ([], ["i7", "i8"], ("i7", "i8")),
        (["i1", "i2"], [], ("i1", "i2")),
    ],
)
def test_an_ack_says_which_records_count(asked: list[str], made: list[str], keys: Value) -> None:
    session = Shop()
    session.acked("POST", "/batch", {"made": [{"id": one} for one in made]}, changes=[{"id": one} for one in asked])

    assert only(session).keys["item"] == keys


def test_one_record_of_the_request_counts_more_than_another_id_in_the_ack() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", {"id": "12"})

    assert only(session).keys["item"] == "i1"


def test_a_failed_record_takes_no_event() -> None:
    session = Shop()
    session.acked("POST", "/batch", {"made": [{"id": "i1"}]}, changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i2")
    session.hears("Changed", item="i1")

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9"])]
    assert [one.event.data["item"] for one in session.unsolicited()] == ["i2"]


def test_an_operation_ends_by_the_ack_that_names_no_more_records_than_had_events() -> None:
    session = Shop()
    batch = session.asks("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1")
    session.wire.respond(batch, {"made": [{"id": "i1"}]})

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9"])]


def test_the_records_that_an_ack_tells_are_those_that_are_waited_for() -> None:
    session = Shop()
    session.acked("POST", "/batch", {"made": [{"id": "i7"}]}, changes=[{"id": "i1"}])
    session.hears("Made", item="i7")

    assert session.told()[0][1] == "complete"

    session.hears("Changed", item="i1")

    assert session.told()[0][2] == ["Made tuple 0.9", "Changed tuple 0.9"]


def test_events_of_several_records_may_come_before_the_ack_that_tells_them() -> None:
    session = Shop()
    batch = session.asks("POST", "/batch")
    session.hears("Made", item="i1")
    session.hears("Made", item="i2")
    session.wire.respond(batch, {"made": [{"id": "i1"}, {"id": "i2"}]})

    assert session.told() == [("Batch", "complete", ["Made tuple 0.9", "Made tuple 0.9"])]


def test_several_exact_ids_are_each_waited_for() -> None:
    session = Shop()
    session.acked("POST", "/items", {"tickets": ["t1", "t2"]})
    session.hears("Made", ticket="t1")

    assert session.told() == [("Make", "acked", ["Made reference 1"])]

    session.hears("Made", ticket="t2")

    assert session.told() == [("Make", "complete", ["Made reference 1", "Made reference 1"])]


def test_an_event_of_some_records_ends_those_that_the_operation_has() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1")
    session.hears("Made", items=["i1", "i9"])

    assert session.told()[0][2] == ["Changed tuple 0.9", "Made tuple 0.7"]


def test_records_wait_again_when_their_event_is_taken() -> None:
    session = Shop(shop('ticket = ["body.ticket"]\n', ""))
    session.acked("POST", "/batch", room="r1", changes=[{"id": "i1"}, {"id": "i2"}])
    make = session.asks("POST", "/items")
    session.wire.respond(session.asks("POST", "/close"), {})
    session.hears("Error", room="r1", item="i1", ticket="t1")
    session.wire.respond(make, {"ticket": "t1"})
    session.hears("Changed", item="i1")

    assert session.told()[:2] == [
        ("Batch", "acked", ["Changed tuple 0.9"]),
        ("Make", "failed", ["Error reference 1"]),
    ]
