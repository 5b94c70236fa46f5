"""Error events about operations with a good ack, where a dialect says that they come so late."""

from __future__ import annotations

import pytest

from recorder.dialect.definition import Dialect
from tests.correlate.shop import Shop, shop


def blind() -> Dialect:
    """Errors share no value with their operations."""
    return shop('error_same = ["room"]', "error_same = []")


def test_an_error_event_ends_an_operation_with_a_good_ack_as_failed() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1")

    assert session.told() == [("Change", "failed", ["Error error 0.7"])]


def test_without_that_word_of_the_dialect_it_does_not() -> None:
    session = Shop(shop("error_after_ack = true\n"))
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1")

    assert session.told() == [("Change", "acked", [])]


def test_an_exact_id_says_whose_error_it_is() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", ticket="t1", room="r1")
    session.acked("PATCH", "/items/i2", ticket="t2", room="r1")
    session.hears("Error", room="r1", ticket="t2")

    assert session.told() == [("Change", "acked", []), ("Change", "failed", ["Error reference 1"])]


def test_an_exact_id_in_a_later_ack_says_whose_error_it_was() -> None:
    session = Shop()
    change = session.asks("PATCH", "/items/i1")
    session.hears("Error", ticket="t1")
    session.wire.respond(change, {"ticket": "t1"})

    assert session.told() == [("Change", "failed", ["Error reference 1"])]


def test_a_failed_operation_takes_no_later_event() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1")
    session.hears("Changed", item="i1")

    assert session.told() == [("Change", "failed", ["Error error 0.7"])]


def test_an_error_after_the_end_is_not_that_operations() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Changed", item="i1")
    session.hears("Error", room="r1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9"])]


def test_several_that_wait_leave_it_open_whose_error_it_is() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.acked("PATCH", "/items/i2", room="r1")
    session.hears("Error", room="r1")

    assert [events for _, _, events in session.told()] == [[], []]


def test_a_refused_one_goes_before_those_that_wait() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.wire.respond(session.asks("PATCH", "/items/i2", room="r1"), {}, status=409)
    session.hears("Error", room="r1")
    session.hears("Error", room="r1")

    assert session.told() == [("Change", "failed", ["Error error 0.7"]), ("Change", "failed", ["Error error 0.7"])]


def test_one_that_waits_for_no_event_is_not_meant() -> None:
    mark = '[operations.Mark]\nrequest = "POST /marks"\nevents = []\nterminal = []\n\n[operations.Open]'
    session = Shop(shop("[operations.Open]", mark))
    session.acked("POST", "/marks", room="r1")
    session.hears("Error", room="r1")

    assert session.told() == [("Mark", "complete", [])]


def test_an_error_that_shares_nothing_is_about_the_only_one_that_waits() -> None:
    session = Shop(blind())
    session.acked("DELETE", "/items/i1")
    session.hears("Removed", item="i1")
    session.acked("PATCH", "/items/i2")
    session.hears("Error")

    assert session.told() == [("Remove", "complete", ["Removed tuple 0.9"]), ("Change", "failed", ["Error error 0.6"])]


@pytest.mark.parametrize("dialect", [blind(), shop()])
def test_errors_never_cross_sessions(dialect: Dialect) -> None:
    session = Shop(dialect)
    other = session.another()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", other, room="r1")

    assert session.told() == [("Change", "acked", [])]


def test_an_error_that_an_operation_names_among_its_events_is_linked_by_that() -> None:
    session = Shop()
    session.acked("POST", "/open")
    session.hears("Rejected")
    session.hears("Opened")

    assert session.told() == [("Open", "failed", ["Rejected only 0.6"])]


def test_with_rivals_an_operation_failed_perhaps() -> None:
    session = Shop()
    session.acked("POST", "/open")
    session.acked("POST", "/open")
    session.hears("Rejected")
    session.hears("Opened")

    assert session.told() == [("Open", "failed", ["Rejected only 0.4"]), ("Open", "complete", ["Opened only 0.4"])]


def test_a_good_ack_after_the_error_changes_nothing() -> None:
    session = Shop()
    change = session.asks("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1")
    session.wire.respond(change, {})

    assert session.told() == [("Change", "failed", ["Error error 0.7"])]


def test_an_error_about_one_record_leaves_the_others_open() -> None:
    session = Shop()
    session.acked("POST", "/batch", room="r1", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Error", room="r1", item="i1")
    session.hears("Changed", item="i1")
    session.hears("Changed", item="i2")

    assert session.told() == [("Batch", "failed", ["Error error 0.7", "Changed tuple 0.9"])]
    assert [one.event.data["item"] for one in session.unsolicited()] == ["i1"]


def test_the_error_may_come_last() -> None:
    session = Shop()
    session.acked("POST", "/batch", room="r1", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i2")
    session.hears("Error", room="r1", item="i1")
    session.hears("Changed", item="i2")

    assert session.told() == [("Batch", "failed", ["Changed tuple 0.9", "Error error 0.7"])]


def test_each_record_may_have_an_error_also_before_the_ack() -> None:
    session = Shop()
    session.asks("POST", "/batch", room="r1", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Error", room="r1", item="i1")
    session.hears("Error", room="r1", item="i2")
    session.hears("Error", room="r1", item="i2")

    assert session.told()[0][2] == ["Error error 0.7", "Error error 0.7"]
