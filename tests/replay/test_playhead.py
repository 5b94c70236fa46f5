"""Whose request it is, and which recorded one comes next for it."""

from __future__ import annotations

from itertools import count

import pytest

from recorder.bayeux.session import BayeuxServer
from recorder.correlate.dialect import load
from recorder.correlate.sessions import Sessions
from recorder.model import Headers
from recorder.replay.match import Matcher
from recorder.replay.playhead import Playhead, Playheads
from tests.wire import Ask, Wire, chained, get_me, start_session

AGENT1: Headers = (("Authorization", "Basic YWdlbnQx"),)
AGENT2: Headers = (("Authorization", "Basic YWdlbnQy"),)


def cookie(value: str, name: str = "JSESSIONID") -> Headers:
    return (("Cookie", f"{name}={value}"),)


class Door:
    """Playheads, asked in short: each request comes on a connection of its own unless one is named."""

    def __init__(self) -> None:
        ids = count(1)
        names = frozenset({"A_SESSION", "JSESSIONID", "BAYEUX_BROWSER"})
        self.playheads = Playheads(Sessions(names), lambda: f"cookie{next(ids)}")
        self._connections = count(1)

    def handshake(self, client_id: str, headers: Headers = (), connection: str | None = None) -> str:
        return self.playheads.handshaken(client_id, headers, self._on(connection)).name

    def rest(self, headers: Headers = (), connection: str | None = None, *, answers: bool = False) -> str | None:
        playhead = self.playheads.of_request(headers, self._on(connection), lambda _: answers)
        return playhead and playhead.name

    def _on(self, connection: str | None) -> str:
        return connection or f"connection {next(self._connections)}"


# Handshakes


def test_each_handshake_begins_a_playhead() -> None:
    door = Door()

    assert [door.handshake("client1"), door.handshake("client2")] == ["p1", "p2"]
    assert [playhead.client_id for playhead in door.playheads] == ["client1", "client2"]


def test_a_playhead_is_found_by_its_client() -> None:
    door = Door()
    door.handshake("client1")
    found = door.playheads.of_client("client1")

    assert found is not None
    assert found.name == "p1"
    assert door.playheads.of_client("client2") is None


def test_a_second_handshake_with_the_same_cookie_begins_anew() -> None:
    door = Door()
    door.handshake("client1")

    assert door.handshake("client2", cookie("cookie1")) == "p2"


# REST after the handshake


def test_a_request_is_joined_by_our_cookie_whatever_its_name() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2")

    assert door.rest(cookie("cookie2")) == "p2"
    assert door.rest(cookie("cookie1", "BAYEUX_BROWSER")) == "p1"


def test_the_cookie_of_the_last_handshake_weighs_more_than_others_of_ours() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2", cookie("cookie1"))

    assert door.rest((("Cookie", "A_SESSION=cookie1; BAYEUX_BROWSER=cookie2"),)) == "p2"


def test_our_cookie_stays_with_its_playhead_whoever_shows_it() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2", cookie("cookie1"))

    assert door.rest(cookie("cookie1")) == "p1"


def test_a_request_is_joined_by_its_authorization() -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.handshake("client2", AGENT2)

    assert [door.rest(AGENT2), door.rest(AGENT1)] == ["p2", "p1"]


def test_a_request_is_joined_by_a_cookie_the_client_brought() -> None:
    door = Door()
    door.handshake("client1", cookie("mine"))
    door.handshake("client2", cookie("yours"))

    assert [door.rest(cookie("yours")), door.rest(cookie("mine"))] == ["p2", "p1"]


def test_our_cookie_weighs_more_than_authorization() -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.handshake("client2", AGENT2)

    assert door.rest((*AGENT1, *cookie("cookie2"))) == "p2"


def test_a_request_is_joined_by_its_connection() -> None:
    door = Door()
    door.handshake("client1", connection="a")
    door.handshake("client2", connection="b")

    assert [door.rest(connection="b"), door.rest(connection="a")] == ["p2", "p1"]


def test_a_connection_that_two_share_tells_nothing() -> None:
    door = Door()
    door.handshake("client1", connection="a")
    door.handshake("client2", connection="a")

    assert door.rest(connection="a") is None


def test_an_authorization_that_two_share_tells_nothing() -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.handshake("client2", AGENT1)

    assert door.rest(AGENT1) is None


def test_where_the_authorization_tells_nothing_the_connection_may() -> None:
    door = Door()
    door.handshake("client1", AGENT1, connection="a")
    door.handshake("client2", AGENT1, connection="b")

    assert door.rest(AGENT1, connection="b") == "p2"


def test_a_connection_does_not_outweigh_another_authorization() -> None:
    door = Door()
    door.handshake("client1", AGENT1, connection="pool")

    assert door.rest(AGENT2, connection="pool") == "p2"


def test_a_request_that_shows_nothing_belongs_to_the_only_one() -> None:
    door = Door()
    door.handshake("client1", AGENT1)

    assert door.rest() == "p1"


def test_a_request_that_shows_nothing_belongs_to_nobody_where_there_are_two() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2")

    assert door.rest() is None


def test_what_a_client_shows_in_later_polls_is_remembered() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2")
    door.playheads.seen("client2", AGENT2, "b")

    assert door.rest(AGENT2) == "p2"
    assert door.rest(connection="b") == "p2"


def test_a_poll_of_an_unknown_client_is_nobodys() -> None:
    door = Door()
    door.playheads.seen("client9", AGENT1, "a")

    assert list(door.playheads) == []


def test_what_the_only_one_showed_in_rest_is_remembered() -> None:
    door = Door()
    door.handshake("client1")
    door.rest(AGENT1)
    door.handshake("client2")

    assert door.rest(AGENT1) == "p1"


def test_the_connections_that_were_used_last_are_remembered() -> None:
    door = Door()
    door.handshake("client1", connection="old")
    door.playheads.seen("client1", (), "busy")
    door.handshake("client2")
    for n in range(9_998):
        door.playheads.seen("client1", (), f"new {n}")
    door.playheads.seen("client1", (), "busy")
    door.playheads.seen("client1", (), "last")

    assert [door.rest(connection=name) for name in ("old", "busy", "last")] == [None, "p1", "p1"]


# REST before the handshake


def test_rest_before_the_handshake_begins_a_playhead_that_the_handshake_takes_up() -> None:
    door = Door()

    assert [door.rest(), door.handshake("client1"), door.rest()] == ["p1", "p1", "p1"]


@pytest.mark.parametrize("shown", [(), AGENT1, cookie("cookie1"), cookie("mine")])
def test_the_handshake_may_show_less_than_rest_did(shown: Headers) -> None:
    door = Door()
    door.rest((*AGENT1, *cookie("mine")))

    assert door.handshake("client1", shown) == "p1"


def test_a_handshake_of_somebody_else_begins_anew() -> None:
    door = Door()
    door.rest(AGENT1)

    assert door.handshake("client2", AGENT2) == "p2"
    assert door.handshake("client1", AGENT1) == "p1"


def test_rest_of_somebody_else_begins_anew() -> None:
    door = Door()
    door.handshake("client1", AGENT1)

    assert door.rest(AGENT2) == "p2"
    assert door.handshake("client2", AGENT2) == "p2"
    assert [door.rest(AGENT1), door.rest(AGENT2)] == ["p1", "p2"]


def test_a_third_one_may_begin_with_rest_too() -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.handshake("client2", AGENT2)

    assert door.rest((("Authorization", "Basic YWdlbnQz"),)) == "p3"


def test_two_that_wait_are_told_apart_by_their_cookies() -> None:
    door = Door()
    door.rest(AGENT1)
    door.rest(AGENT2)

    assert [door.handshake("b", cookie("cookie2")), door.handshake("a", cookie("cookie1"))] == ["p2", "p1"]


def test_a_handshake_that_may_be_of_either_of_two_that_wait_begins_anew() -> None:
    door = Door()
    door.rest(AGENT1)
    door.rest(AGENT2)

    assert door.handshake("client") == "p3"


# After a client left


def test_after_one_left_the_other_is_the_only_one() -> None:
    door = Door()
    door.handshake("client1", AGENT1, connection="a")
    door.handshake("client2", AGENT1, connection="a")
    door.playheads.leaves("client1")

    assert [door.rest(), door.rest(AGENT1), door.rest(connection="a")] == ["p2", "p2", "p2"]


def test_who_left_may_still_log_out() -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.playheads.leaves("client1")

    assert door.rest(AGENT1, answers=True) == "p1"


def test_who_left_may_log_out_by_its_cookie_while_another_one_is_there() -> None:
    door = Door()
    door.handshake("client1")
    door.handshake("client2")
    door.playheads.leaves("client1")

    assert door.rest(cookie("cookie1"), answers=True) == "p1"


@pytest.mark.parametrize("shown", [(), AGENT1, cookie("cookie1")])
def test_the_next_client_that_shows_the_same_begins_anew(shown: Headers) -> None:
    door = Door()
    door.handshake("client1", AGENT1)
    door.playheads.leaves("client1")

    assert door.rest(shown) == "p2"
    assert door.handshake("client2", shown) == "p2"


def test_leaving_twice_or_unknown_does_nothing() -> None:
    door = Door()
    door.playheads.leaves("client9")

    assert list(door.playheads) == []


# Which recorded request comes next


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
        place = playhead.find(matcher.call(ask.method, ask.target, ask.body), matcher)
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
    wire.ack(wire.desk(headers=cookie("a")).post(start_session()))
    wire.ack(wire.desk(headers=cookie("b")).post(start_session()))
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


# Room


class Small(Playheads):
    """With room for few."""

    ROOM = 20


def crowd(bayeux: BayeuxServer, size: int) -> Small:
    """Clients that shook hands, each with an Authorization, on a connection of its own."""
    cookies = (f"cookie{number}" for number in count(1))
    playheads = Small(Sessions(frozenset({"BAYEUX_BROWSER"})), lambda: next(cookies))
    for number in range(size):
        shaken = bayeux.receive(number, [{"channel": "/meta/handshake"}], 0.0)[0].handshaken or ""
        playheads.handshaken(shaken, (("Authorization", f"Basic {number}"),), f"connection {number}", bayeux)
        playheads.make_room(bayeux)
    return playheads


def bayeux_server() -> BayeuxServer:
    ids = count(1)
    return BayeuxServer(lambda: f"c{next(ids)}", 30.0)


def test_of_too_many_that_ask_for_nothing_the_oldest_are_forgotten() -> None:
    bayeux = bayeux_server()

    playheads = crowd(bayeux, 500)

    assert [p.name for p in playheads] == [f"p{number}" for number in range(501 - len(list(playheads)), 501)]
    assert 18 <= len(list(playheads)) <= 20
    assert playheads.of_client("c1") is None
    assert playheads.of_client("c500") is not None


def test_nothing_is_kept_of_those_that_are_forgotten() -> None:
    bayeux = bayeux_server()

    playheads = crowd(bayeux, 500)

    kept = [getattr(playheads, name) for name in vars(playheads) if name.startswith("_by_")]
    assert max(map(len, kept)) <= 20
    assert bayeux.receive(1000, [{"channel": "/meta/connect", "clientId": "c1"}], 0.0)[0].messages == [
        {
            "channel": "/meta/connect",
            "successful": False,
            "error": "402::session_unknown",
            "advice": {"reconnect": "handshake", "interval": 0},
        }
    ]


def test_who_plays_or_polls_is_not_forgotten_however_many_come() -> None:
    bayeux = bayeux_server()
    playheads = crowd(bayeux, 2)
    playing, polling = playheads
    playing.played[0] += 1
    bayeux.receive(1000, [{"channel": "/meta/connect", "clientId": "c2"}], 0.0)
    bayeux.receive(1001, [{"channel": "/meta/connect", "clientId": "c2"}], 0.0)

    for number in range(100):
        playheads.handshaken(f"other{number}", (("Authorization", f"Basic other{number}"),), "", bayeux)
        playheads.make_room(bayeux)

    assert list(playheads)[:2] == [playing, polling]
    assert len(list(playheads)) <= 20
