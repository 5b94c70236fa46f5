"""Values that a drive bound count as ids: another value is no difference where it is the one that stands for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import shipped
from recorder.diff.bound import Bound, blanked
from recorder.diff.differences import Difference, What, differences
from recorder.model import Recording
from tests.wire import Ask, Wire, chained, complete, done, record_event, state_event

GWS = shipped("gws-outbound")
WORDS = st.text("ab1-/ .:", max_size=8)


def session(handle: Any, *, seen: Any = None, link: str = "", reference: str = "r") -> Recording:
    """A record whose handle the server makes up; `seen` is the one in the event, `link` a URL in it."""
    wire = Wire()
    desk = wire.desk()
    seen = handle if seen is None else seen
    more = {"link": link} if link else {}
    desk.asks(
        chained(handle, reference), record_event("ChainedRecord", seen, reference, **more), done(handle, reference)
    )
    desk.asks(complete(handle, f"{reference}-2"))
    return wire.recording()


def found(old: Recording, new: Recording, *pairs: tuple[str, str]) -> list[tuple[What, str]]:
    changes = differences(old, new, GWS, bound=pairs)
    return [(difference.what, difference.where) for change in changes for difference in change.differences]


def test_a_bound_value_is_no_difference_wherever_it_stands() -> None:
    old, new = session(7, link="/records/7?x=1"), session(1001, link="/records/1001?x=1")

    assert found(old, new, ("7", "1001")) == []
    assert len(found(old, new)) > 2


def test_a_long_one_in_a_text_is_none_either() -> None:
    old, new = session("handle-one", link="see handle-one!"), session("other-two", link="see other-two!")

    assert found(old, new, ("handle-one", "other-two")) == []


@pytest.mark.parametrize("seen", [1002, 55])
def test_the_value_of_another_is_a_difference(seen: int) -> None:
    old, new = session(7), session(1001, seen=seen)

    assert found(old, new, ("7", "1001"), ("8", "1002")) == [
        (What.RENAMED if seen == 1002 else What.FIELD_CHANGED, "events[0].data.record.recordHandle")
    ]


def test_a_constant_that_is_equal_to_a_bound_value_may_stay() -> None:
    """The application is 134, and so was a handle."""
    old, new = session(134), session(1001)

    assert found(old, new, ("134", "1001")) == []


def test_a_bound_number_that_comes_as_text_has_another_type() -> None:
    assert found(session(7), session(7, seen="1001"), ("7", "1001")) == [
        (What.FIELD_TYPED, "events[0].data.record.recordHandle")
    ]


def test_a_member_may_be_named_by_a_bound_value() -> None:
    def states(*handles: str) -> Recording:
        wire = Wire()
        event = state_event()
        event["data"]["records"] = {handle: {"state": "open"} for handle in handles}
        wire.desk().hears(event)
        return wire.recording()

    assert found(states("7", "8"), states("1002", "1001"), ("7", "1001"), ("8", "1002")) == []
    assert found(states("7", "8"), states("1001"), ("7", "1001"), ("8", "1002")) == [
        (What.FIELD_REMOVED, "unsolicited[0].data.records.8")
    ]


def test_triples_are_paired_by_their_bound_values() -> None:
    """With the first one gone, the second still finds its own."""

    def records(*handles: int) -> Recording:
        wire = Wire()
        desk = wire.desk()
        for number, handle in enumerate(handles):
            desk.asks(Ask(f"/api/v2/me/outbound-records/{handle}", chained(handle, f"r{number}").content))
        return wire.recording()

    (change,) = differences(
        records(7, 8, 9), records(1002, 1003), GWS, bound=[("7", "1"), ("8", "1002"), ("9", "1003")]
    )

    assert (change.old and change.old.n, change.differences) == (
        1,
        (Difference(What.TRIPLE_MISSING, "", old="GetChainedRecord"),),
    )


def test_events_of_two_clients_may_come_in_another_order() -> None:
    """Each of two windows hears its events when its own poll is answered."""

    def windows(*order: int) -> Recording:
        wire = Wire()
        desks = [wire.desk(headers=(("Cookie", "JSESSIONID=of-the-agent"),)) for _ in range(2)]
        events = [record_event("ChainedRecord", 7, "r"), record_event("RecordRinging", 7, "r")]
        exchange = desks[0].post(chained(7, "r"))
        wire.ack(exchange)
        for place in order:
            desks[place].hears(events[place])
        desks[0].hears(done(7, "r"))
        return wire.recording()

    def alone(*order: int) -> Recording:
        wire = Wire()
        desk = wire.desk()
        events = [record_event("ChainedRecord", 7, "r"), record_event("RecordRinging", 7, "r")]
        desk.asks(chained(7, "r"), *(events[place] for place in order), done(7, "r"))
        return wire.recording()

    assert len(windows(0, 1).triples[0].events) == 3
    assert found(windows(0, 1), windows(1, 0)) == []
    assert found(alone(0, 1), alone(1, 0)) == [(What.EVENT_MOVED, "events[0]")]


def test_states_that_came_in_another_order_are_paired_with_their_own() -> None:
    def states(*pairs: tuple[str, int]) -> Recording:
        wire = Wire()
        desk = wire.desk()
        for state, stamp in pairs:
            event = state_event(state)
            event["data"]["stamp"] = stamp
            desk.hears(event)
        return wire.recording()

    assert found(states(("Ready", 1), ("Busy", 2)), states(("Busy", 3), ("Ready", 4))) == [
        (What.FIELD_CHANGED, "unsolicited[0].data.stamp"),
        (What.FIELD_CHANGED, "unsolicited[1].data.stamp"),
    ]


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6), WORDS)
def test_a_text_is_the_same_as_itself_and_as_its_partner(pairs: list[tuple[str, str]], text: str) -> None:
    bound = Bound(pairs)

    assert bound.same(text, text)
    assert all(bound.same(old, new) for old, new in pairs if old and new)
    assert {old for old, new in pairs if old and new and old != new} <= {*bound.old}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("a/7/b", "a/9/b", True),
        ("a/7/b", "a/9/c", False),
        ("a/7", "a/9/b", False),
        ("7/8", "9/9", False),
        (7, "9", True),
        (7, 8, False),
        (None, None, True),
        (None, "9", False),
    ],
)
def test_words_are_the_same_if_they_stand_for_each_other(old: Any, new: Any, same: bool) -> None:
    assert Bound([("7", "9")]).same(old, new) is same


def test_one_that_stands_for_two_is_one_class_with_both() -> None:
    bound = Bound([("7", "8"), ("7", "9"), ("6", "9"), ("5", "5"), ("", "4")])

    assert len({*bound.old.values()}) == 1
    assert ({*bound.old}, {*bound.new}) == ({"7", "6"}, {"8", "9"})


def test_whole_texts_are_taken_before_words() -> None:
    assert blanked("a b", {"a b": "1", "a": "2"}, str) == "1"
    assert blanked("a b c", {"a b": "1", "a": "2"}, str) == "2 b c"
    assert blanked("a b", {}, str) == "a b"
