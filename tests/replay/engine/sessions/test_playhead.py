"""Which recorded request comes next for a client."""

from __future__ import annotations

import pytest

from recorder.dialect.definition import load
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.sessions.playhead import Playhead
from tests.wire import Ask, Wire, chained, get_me, start_session


def matcher_of(*asks: Ask) -> Matcher:
    wire = Wire()
    desk = wire.desk()
    for ask in asks:
        wire.ack(desk.post(ask))
    return Matcher(wire.recording(), load())


def finds(matcher: Matcher, playhead: Playhead, *asks: Ask) -> list[int | None]:
    """What is played for each of some requests, one after the other."""
    found = []
    for ask in asks:
        entry = playhead.find(matcher.call(ask.method, ask.target, ask.body), matcher)
        place = None if entry is None else entry.place
        playhead.played[-1 if place is None else place] += 1
        found.append(place)
    return found


def playhead(**own: str) -> Playhead:
    return Playhead("p1", "cookie1", **own)


def test_equal_requests_are_played_in_their_order_and_once() -> None:
    matcher = matcher_of(chained(7, "1"), chained(7, "2"))

    assert finds(matcher, playhead(), *[chained(7, "live")] * 3) == [0, 1, None]


def test_ids_that_happen_to_be_recorded_ones_do_not_change_the_order() -> None:
    matcher = matcher_of(chained(7, "1"), chained(7, "2"), chained(7, "3"))

    assert finds(matcher, playhead(), chained(7, "2"), chained(7, "3"), chained(7, "1")) == [0, 1, 2]


def test_an_exact_match_comes_before_others() -> None:
    matcher = matcher_of(chained(7, timestamp=1), chained(7, timestamp=2))

    assert finds(matcher, playhead(), chained(7, timestamp=2), chained(7, timestamp=3)) == [1, 0]


def test_a_request_of_the_session_that_is_followed_comes_before_others() -> None:
    wire = Wire()
    wire.ack(wire.desk(headers=(("Cookie", "JSESSIONID=a"),)).post(start_session()))
    wire.ack(wire.desk(headers=(("Cookie", "JSESSIONID=b"),)).post(start_session()))
    matcher = Matcher(wire.recording(), load())

    assert finds(matcher, playhead(recorded="s2"), *[start_session()] * 3) == [1, 0, None]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_has_no_effect_may_be_had_again(method: str) -> None:
    ask = Ask("/api/v2/me", b"", method)

    assert finds(matcher_of(ask, ask), playhead(), *[ask] * 4) == [0, 1, 1, 1]


def test_a_plain_post_may_not_be_had_again() -> None:
    ask = Ask("/api/v2/log", b"text")

    assert finds(matcher_of(ask), playhead(), ask, ask) == [0, None]


def test_a_request_that_is_not_recorded_is_not_found() -> None:
    assert finds(matcher_of(get_me()), playhead(), chained(7)) == [None]


def test_a_device_stands_for_one_recorded_device_only() -> None:
    matcher = matcher_of(chained(7, devicePath="/devices/d1"), chained(7, devicePath="/devices/d2"))
    mine = playhead()
    mine.bindings.bind("device", "d2", "live")

    assert finds(matcher, mine, chained(7, devicePath="/devices/live")) == [1]
