"""What must not be overtaken is not, also for a client faster than the recorded one; one answer may be mixed."""

from __future__ import annotations

import pytest

from recorder.dialect.definition import Dialect, load, parse
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule
from tests.replay.stage import Stage
from tests.wire import Ask, Message, Wire, chained, done, record_event, state_event, twin

FIRST, SECOND = chained(7, "r1"), chained(8, "r2")


def played(recording: Recording, *texts: str, asks: tuple[Ask, ...], dialect: Dialect | None = None) -> list[list[str]]:
    """What came in each answer to a desktop that asks all at once."""
    stage = Stage(recording, 1, dialect, schedule=Schedule.of(map(Deviation.parse, texts)))
    desk = stage.desk()
    desk.listens()
    for ask in asks:
        desk.posts(ask)
    stage.wait(10)
    ordered = stage.standin.ordered
    assert ordered is not None
    assert (stage.misses, ordered.order.unmet) == ([], frozenset())
    answers: dict[int, list[str]] = {}
    for act in ordered.order.acts:
        if act.answer:
            answers.setdefault(act.answer, []).append(act.name)
    return [*answers.values()]


def slow_then_quick(first: Message, second: Message) -> Recording:
    """The events of two operations, 2 s after the first request and 0.1 s after the second."""
    wire = Wire()
    desk = wire.desk()
    for ask, event, seconds in ((FIRST, first, 2.0), (SECOND, second, 0.1)):
        post = desk.post(ask)
        wire.ack(post)
        wire.wait(seconds)
        desk.hears(event)
    return wire.recording()


def order_of(answers: list[list[str]]) -> list[str]:
    return [name for answer in answers for name in answer if name.startswith("event")]


def with_ordered(*entries: str) -> Dialect:
    text = load().text.replace("[event]\n", f"[event]\nordered = [{', '.join(entries)}]\n", 1)
    return parse(text, path="ordered.toml")


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        ((), ["event 2.1", "event 1.1"]),
        (('"/v2/me/outbound"',), ["event 1.1", "event 2.1"]),
        (('"/v2/me/*"',), ["event 1.1", "event 2.1"]),
        (('["ChainedRecordsDataEnd", "Other"]',), ["event 1.1", "event 2.1"]),
        (('"/me/internal"',), ["event 2.1", "event 1.1"]),
    ],
)
def test_what_the_dialect_orders_waits_for_what_is_not_due_yet(entries: tuple[str, ...], order: list[str]) -> None:
    recording = slow_then_quick(done(7, "r1"), done(8, "r2"))

    found = played(recording, asks=(FIRST, SECOND), dialect=with_ordered(*entries))

    assert order_of(found) == order


def test_acks_are_ordered_by_the_names_of_operations() -> None:
    wire = Wire()
    desk = wire.desk()
    for ask, seconds in ((FIRST, 2.0), (SECOND, 0.1)):
        post = desk.post(ask)
        wire.wait(seconds)
        wire.ack(post)
    recording = wire.recording()

    for entries, order in (((), ["ack 2", "ack 1"]), (('"GetChainedRecord"',), ["ack 1", "ack 2"])):
        found = played(recording, asks=(FIRST, SECOND), dialect=with_ordered(*entries))
        assert [name for answer in found for name in answer] == order


def test_replay_ids_do_not_run_backwards() -> None:
    dialect = parse(f'{load().text}\n[push]\nreplay = "replay"\nreplay_id = "data.number"\n', path="replay.toml")
    recording = slow_then_quick(done(7, "r1") | {"data": done(7, "r1")["data"] | {"number": 1}},
                                done(8, "r2") | {"data": done(8, "r2")["data"] | {"number": 2}})  # fmt: skip

    assert order_of(played(recording, asks=(FIRST, SECOND))) == ["event 2.1", "event 1.1"]
    assert order_of(played(recording, asks=(FIRST, SECOND), dialect=dialect)) == ["event 1.1", "event 2.1"]


def test_events_that_nobody_asked_for_keep_their_order_on_a_channel() -> None:
    wire = Wire()
    desk = wire.desk()
    for ask, state, seconds in ((FIRST, "NotReady", 2.0), (SECOND, "Ready", 0.1)):
        wire.ack(desk.post(ask))
        wire.wait(seconds)
        desk.hears(state_event(state))

    assert order_of(played(wire.recording(), asks=(FIRST, SECOND))) == ["event u1", "event u2"]


def test_a_late_event_holds_back_what_stands_behind_it_in_a_line() -> None:
    recording = slow_then_quick(done(7, "r1"), done(8, "r2"))

    found = played(recording, "event 1.1 5s late", asks=(FIRST, SECOND), dialect=with_ordered('"/v2/me/outbound"'))

    assert order_of(found) == ["event 1.1", "event 2.1"]


def test_two_events_change_places_inside_one_answer() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(FIRST)
    wire.ack(post)
    desk.hears(record_event("ChainedRecord", 7, "r1"), twin("ChainedRecord", 7))
    recording = wire.recording()

    usual = played(recording, "event 1.2 with event 1.1", asks=(FIRST,))
    mixed = played(recording, "event 1.2 with event 1.1", "event 1.2 before event 1.1", asks=(FIRST,))
    apart = played(recording, "event 1.2 before event 1.1", asks=(FIRST,))

    assert usual[-1] == ["event 1.1", "event 1.2"]
    assert mixed[-1] == ["event 1.2", "event 1.1"]
    assert apart[-2:] == [["event 1.2"], ["event 1.1"]]


def test_what_stands_behind_an_event_in_a_line_does_not_pass_it_inside_one_answer() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(FIRST)
    wire.ack(post)
    desk.hears(record_event("ChainedRecord", 7, "r1"), done(7, "r1"), twin("ChainedRecord", 7))

    found = played(wire.recording(), "event 1.3 with event 1.1", "event 1.3 before event 1.1", asks=(FIRST,))

    assert found[-1] == ["event 1.3", "event 1.1", "event 1.2"]
