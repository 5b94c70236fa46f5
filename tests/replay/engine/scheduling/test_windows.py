"""A desktop with two windows got each event twice: with two windows it does so again, with one it gets each once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recorder.bayeux.messages import Message
from recorder.library.recording import joined
from recorder.model import Headers, Recording
from recorder.requests.index.windows import copies
from tests.replay.stage import Desk, Stage
from tests.wire import Wire, chained, done, record_event, state_event

JAR: Headers = (("Cookie", "JSESSIONID=one"),)


def two_windows(*only_second: Message) -> Recording:
    """Two tabs of one browser; the first asks, both are told."""
    wire = Wire()
    first = wire.desk(headers=JAR)
    second = wire.desk(headers=JAR)
    post = first.post(chained(7, "recorded"))
    wire.ack(post)
    for desk in (first, second):
        desk.hears(record_event("ChainedRecord", 7, "recorded"), done(7, "recorded"))
    if only_second:
        second.hears(*only_second)
    return wire.recording()


def copies_in(recording: Recording) -> frozenset[tuple[int, int]]:
    """The copies among the events of all triples."""
    groups = ((link.event for link in triple.events) for triple in recording.triples)
    return frozenset(place for group in groups for place in copies(group, recording.windows))


def window_of(desk: Desk) -> Desk:
    """Another window of the same browser."""
    other = desk.stage.stranger()
    other.jar = desk.jar
    other.handshakes()
    return other


def test_what_an_earlier_window_got_too_is_a_copy() -> None:
    recording = two_windows()
    (triple,) = recording.triples

    assert len(triple.events) == 4
    assert copies_in(recording) == {(link.event.seq, link.event.index) for link in triple.events[2:]}


def test_what_only_a_later_window_got_is_none() -> None:
    recording = two_windows(record_event("ChainedRecord", 7, "recorded", callingList="Other"))

    assert len(copies_in(recording)) == 2


def test_events_that_came_twice_to_one_window_are_none() -> None:
    wire = Wire()
    desk = wire.desk(headers=JAR)
    wire.ack(desk.post(chained(7, "recorded")))
    desk.hears(done(7, "recorded"), done(7, "recorded"))

    assert copies_in(wire.recording()) == frozenset()


def test_a_client_with_one_window_gets_each_event_once() -> None:
    stage = Stage(two_windows())
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(7, "live"))

    assert desk.references == ["live", "live"]


def test_each_window_gets_its_own() -> None:
    stage = Stage(two_windows())
    desk = stage.desk()
    desk.listens()
    other = window_of(desk)

    desk.posts(chained(7, "live"))
    other.polls()

    assert (desk.references, other.references) == (["live", "live"], ["live", "live"])


def test_the_second_window_may_ask_as_well() -> None:
    stage = Stage(two_windows())
    desk = stage.desk()
    desk.listens()
    other = window_of(desk)

    other.posts(chained(7, "live"))

    assert "ack 200" in other.said
    assert desk.references == ["live", "live"]


def test_an_event_that_only_the_second_window_got_reaches_a_client_with_one() -> None:
    stage = Stage(two_windows(record_event("ChainedRecord", 7, "recorded", callingList="Other")))
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(7, "live"))

    assert desk.references == ["live"] * 3


def test_a_window_that_comes_back_goes_on_where_it_was() -> None:
    stage = Stage(two_windows())
    desk = stage.desk()
    desk.listens()
    other = window_of(desk)
    stage.standin.forget(other.client_id)
    other.handshakes()

    desk.posts(chained(7, "live"))
    other.polls()

    assert (desk.references, other.references) == (["live", "live"], ["live", "live"])


def test_the_client_is_there_until_its_last_window_closes() -> None:
    stage = Stage(two_windows())
    desk = stage.desk()
    other = window_of(desk)
    desk.posts(chained(7, "live"))
    desk.polls()

    desk.disconnects()
    over_too_early = stage.standin.is_over
    other.disconnects()

    assert (over_too_early, stage.standin.is_over) == (False, True)


OTHER: Headers = (("Cookie", "JSESSIONID=other"),)


def told_once(wire: Wire, jar: Headers = OTHER) -> None:
    """A session with one window that hears what nobody asked for."""
    wire.desk(headers=jar).hears(state_event())


def told_in_the_second(wire: Wire) -> None:
    """A session that hears the same, in its second window alone; its first one asks for something."""
    first = wire.desk(headers=JAR)
    second = wire.desk(headers=JAR)
    first.asks(chained(7, "recorded"), done(7, "recorded"))
    second.hears(state_event())


def of_one_cassette() -> Recording:
    wire = Wire()
    told_once(wire)
    told_in_the_second(wire)
    return wire.recording()


def of_two_cassettes() -> Recording:
    wires = Wire(), Wire()
    told_once(wires[0])
    told_in_the_second(wires[1])
    return joined([wire.recording() for wire in wires])


@pytest.mark.parametrize("recorded", [of_one_cassette, of_two_cassettes])
def test_what_another_session_heard_is_no_copy(recorded: Callable[[], Recording]) -> None:
    stage = Stage(recorded())
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(7, "live"))
    stage.wait(10)

    assert [event["data"]["messageType"] for event in desk.events].count("DeviceStateChangeMessage") == 1


def test_places_of_two_cassettes_are_two_although_their_numbers_are_equal() -> None:
    wires = Wire(), Wire()
    for wire, handle in zip(wires, (7, 8), strict=True):
        first, second = wire.desk(headers=JAR), wire.desk(headers=JAR)
        first.asks(chained(handle, "recorded"), done(handle, "recorded"))
        first.hears(state_event("Ready"))
        (second if handle == 7 else first).hears(state_event("Ready" if handle == 7 else "Busy"))
    recordings = [wire.recording() for wire in wires]
    copy, busy = (recording.unsolicited[-1].event for recording in recordings)
    assert (copy.seq, copy.index) == (busy.seq, busy.index)
    stage = Stage(joined(recordings))
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(8, "live"))
    stage.wait(10)

    states = [event["data"]["devices"][0]["userState"]["state"] for event in desk.events if "devices" in event["data"]]
    assert states == ["Ready", "Busy"]
