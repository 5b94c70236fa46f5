"""Events of one transaction belong to one operation, whatever else they share."""

from __future__ import annotations

import pytest

from tests.correlate.shop import Shop, shop
from tests.costs import assert_grows


def test_an_event_of_the_same_transaction_has_the_same_cause() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1", change="c1")
    session.hears("Counted", item="stock", change="c1")

    assert session.told() == [("Batch", "acked", ["Changed tuple 0.9", "Counted sibling 0.9"])]
    assert session.recording().triples[0].events[1].why == "has the change of Changed of request 6"


def test_a_sibling_after_the_end_is_less_sure() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Changed", item="stock", change="c1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9", "Changed sibling 0.7"])]


def test_a_sibling_that_comes_too_late_is_nobodys() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", change="c1")
    session.wire.wait(2.1)
    session.hears("Changed", item="stock", change="c1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9"])]


def test_a_sibling_is_no_surer_than_the_event_it_follows() -> None:
    session = Shop(shop('unreferenced = ["Changed", "Removed"]', 'unreferenced = ["*"]'))
    session.acked("PATCH", "/items/i1")
    session.acked("PATCH", "/items/i1")
    session.hears("Shown", item="i1", change="c1")
    session.hears("Counted", item="stock", change="c1")

    assert session.told()[0][2] == ["Shown tuple 0.5", "Counted sibling 0.5"]
    assert session.recording().triples[0].events[1].rivals == (8,)


def test_a_sibling_may_come_before_the_event_whose_cause_is_known() -> None:
    session = Shop()
    make = session.asks("POST", "/items")
    session.hears("Counted", item="stock", change="c1")
    session.hears("Made", item="i1", change="c1")
    session.wire.respond(make, {"id": "i1"})

    assert session.told() == [("Make", "complete", ["Counted sibling 0.7", "Made tuple 0.9"])]
    assert session.unsolicited() == []


def test_the_transaction_counts_more_than_the_record() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.acked("PATCH", "/items/stock")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Changed", item="stock", change="c1")
    session.hears("Changed", item="stock", change="c2")

    assert session.told() == [
        ("Change", "complete", ["Changed tuple 0.9", "Changed sibling 0.7"]),
        ("Change", "complete", ["Changed tuple 0.9"]),
    ]


def test_a_guessed_transaction_counts_less_than_the_record() -> None:
    session = Shop(shop('unreferenced = ["Changed", "Removed"]', 'unreferenced = ["*"]'))
    session.acked("PATCH", "/items/i1")
    session.acked("PATCH", "/items/i1")
    session.acked("DELETE", "/items/i2")
    session.hears("Shown", item="i1", change="c1")
    session.hears("Removed", item="i2", change="c1")

    assert [events for _, _, events in session.told()] == [["Shown tuple 0.5"], [], ["Removed tuple 0.9"]]


def test_a_sibling_does_not_end_the_operation() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", item="i1", change="c1")
    session.hears("Changed", item="i9", change="c1")
    session.hears("Changed", item="i2", change="c1")

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9", "Changed sibling 0.9", "Changed tuple 0.9"])]


def test_siblings_never_cross_sessions() -> None:
    session = Shop()
    other = session.another()
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", change="c1")
    session.hears("Counted", other, item="stock", change="c1")

    assert session.told() == [("Change", "complete", ["Changed tuple 0.9"])]
    assert [one.session for one in session.unsolicited()] == ["s2"]


def test_a_sibling_of_a_failed_operation_is_nobodys() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1", room="r1")
    session.hears("Error", room="r1", change="c1")
    session.hears("Counted", item="stock", change="c1")

    assert session.told() == [("Change", "failed", ["Error error 0.7"])]


def test_a_sibling_after_the_end_of_all_records_is_less_sure() -> None:
    session = Shop()
    session.acked("POST", "/batch", changes=[{"id": "i1"}, {"id": "i2"}])
    session.hears("Changed", items=["i1", "i2"], change="c1")
    session.hears("Shown", item="i9", change="c1")

    assert session.told() == [("Batch", "complete", ["Changed tuple 0.9", "Shown sibling 0.7"])]


def test_a_transaction_that_is_used_again_belongs_to_the_next_operation() -> None:
    session = Shop()
    session.acked("PATCH", "/items/i1")
    session.hears("Changed", item="i1", change="c1")
    session.wire.wait(10)
    session.acked("PATCH", "/items/i2")
    session.hears("Shown", item="i8", change="c1")
    session.hears("Changed", item="i2", change="c1")
    session.hears("Shown", item="i9", change="c1")

    assert session.told() == [
        ("Change", "complete", ["Changed tuple 0.9"]),
        ("Change", "complete", ["Shown sibling 0.7", "Changed tuple 0.9", "Shown sibling 0.7"]),
    ]


@pytest.mark.parametrize("late", [False, True])
def test_a_transaction_that_all_events_share_costs_little_more_than_one_each(late: bool) -> None:
    few, many = (_orphans(shared=shared, late=late).recording for shared in (False, True))

    assert_grows(few, many, at_most=4)


def _orphans(*, shared: bool, late: bool) -> Shop:
    """Return a session with events that tell no record, before its operations or behind the end of the first one."""
    session, changes = Shop(), [f"c{0 if shared else number}" for number in range(250)]
    if late:
        for number in range(250):
            session.asks("PATCH", f"/items/i{number}")
        session.hears("Changed", item="i0", change=changes[0])
        session.wire.wait(2.5)
    for number, change in enumerate(changes):
        session.hears("Other", item=f"other{number}", change=change)
    for number, change in enumerate(changes):
        if not late:
            session.acked("PATCH", f"/items/i{number}")
        session.hears("Changed", item=f"i{number}", change=change)
        session.wire.wait(0.1)
    return session
