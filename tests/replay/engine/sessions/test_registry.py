"""Whose request it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.server import BayeuxServer
from recorder.correlate.sessions import Sessions
from recorder.model import Headers
from recorder.replay.engine.sessions.playhead import Playhead, kind, value
from recorder.replay.engine.sessions.registry import Pool, Registry

AGENT1: Headers = (("Authorization", "Basic YWdlbnQx"),)
AGENT2: Headers = (("Authorization", "Basic YWdlbnQy"),)


def cookie(value: str, name: str = "JSESSIONID") -> Headers:
    return (("Cookie", f"{name}={value}"),)


class Door:
    """Playheads, asked in short: each request comes on a connection of its own unless one is named."""

    def __init__(self) -> None:
        ids = count(1)
        names = frozenset({"A_SESSION", "JSESSIONID", "BAYEUX_BROWSER"})
        self.playheads = Registry(Sessions(names), lambda: f"cookie{next(ids)}")
        self._connections = count(1)

    def handshake(self, client_id: str, headers: Headers = (), connection: str | None = None) -> str:
        return self.playheads.handshaken(client_id, headers, self._on(connection))[0].name

    def rest(self, headers: Headers = (), connection: str | None = None, *, answers: bool = False) -> str | None:
        playhead = self.playheads.of_request(headers, self._on(connection), lambda _: answers)
        return None if playhead is None else playhead.name

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


def test_a_connection_of_one_that_left_tells_nothing_any_more() -> None:
    door = Door()
    door.handshake("client1", connection="a")
    door.handshake("client2")
    door.playheads.leaves("client1")

    assert door.rest(connection="a") == "p2"


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
    for n in range(Registry._CONNECTIONS - 2):
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


# Room


class Small(Registry):
    """With room for few."""

    ROOM = 20


def groups(bayeux: BayeuxServer, size: int) -> Small:
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

    playheads = groups(bayeux, 500)

    assert [p.name for p in playheads] == [f"p{number}" for number in range(501 - len(list(playheads)), 501)]
    assert 18 <= len(list(playheads)) <= 20
    assert playheads.of_client("c1") is None
    assert playheads.of_client("c500") is not None


def test_nothing_is_kept_of_those_that_are_forgotten() -> None:
    bayeux = bayeux_server()

    playheads = groups(bayeux, 500)

    kept = [getattr(playheads, name) for name in vars(playheads) if name.startswith("_by_")]
    assert max(map(len, kept)) <= 20
    (answer,) = bayeux.receive(1000, [{"channel": "/meta/connect", "clientId": "c1"}], 0.0)
    assert [json.loads(text) for text in answer.texts or []] == [
        {
            "channel": "/meta/connect",
            "successful": False,
            "error": "402::session_unknown",
            "advice": {"reconnect": "handshake", "interval": 0},
        }
    ]


def test_who_plays_or_polls_is_not_forgotten_however_many_come() -> None:
    bayeux = bayeux_server()
    playheads = groups(bayeux, 2)
    playing, polling = playheads
    playing.played[0] += 1
    bayeux.receive(1000, [{"channel": "/meta/connect", "clientId": "c2"}], 0.0)
    bayeux.receive(1001, [{"channel": "/meta/connect", "clientId": "c2"}], 0.0)

    for number in range(100):
        playheads.handshaken(f"other{number}", (("Authorization", f"Basic other{number}"),), "", bayeux)
        playheads.make_room(bayeux)

    assert list(playheads)[:2] == [playing, polling]
    assert len(list(playheads)) <= 20


def test_where_nobody_can_be_forgotten_not_each_request_looks_at_everybody() -> None:
    bayeux = bayeux_server()
    playheads = Registry(Sessions(frozenset()), lambda: "cookie")
    playheads.ROOM = playheads._room = 200
    for number in range(300):
        shaken = bayeux.receive(2 * number, [{"channel": "/meta/handshake"}], 0.0)[0].handshaken or ""
        playheads.handshaken(shaken, (), f"connection {number}", bayeux)
        for _ in range(2):
            bayeux.receive(2 * number + 1, [{"channel": "/meta/connect", "clientId": shaken}], 0.0)
    looked: list[str] = []
    bayeux.is_polling = looked.append  # type: ignore[assignment,method-assign]

    playheads.make_room(bayeux)
    once = len(looked)
    for _ in range(100):
        playheads.make_room(bayeux)

    assert len(looked) == once


# The index


class Scanned(Registry):
    """Finds whom a request may belong to by looking at everybody: slow, and plain."""

    def _evidence(
        self,
        tokens: list[str],
        connection: str,
        pool: Pool,
        fits: Callable[[Playhead], bool] = lambda _: True,
        named: Callable[[Playhead], bool] = lambda _: False,
    ) -> Iterator[Iterator[Playhead]]:
        def is_other(p: Playhead) -> bool:
            return any(t not in p.shown and any(kind(known) == kind(t) for known in p.shown) for t in tokens)

        fitting = [p for p in self if p in pool and fits(p)]
        ours = [self._by_cookie[value(token)] for token in tokens if value(token) in self._by_cookie]
        if ours:
            yield from (iter([p] if p in fitting else []) for p in ours)
            return
        possible = [p for p in fitting if not is_other(p)]
        for owners in [*(self._by_token.get(t, {}) for t in tokens), self._on(connection)]:
            yield iter([p for p in possible if p in owners])
        yield iter([p for p in possible if named(p)])
        yield iter(possible)


_SHOWN = st.sampled_from([(), AGENT1, AGENT2, cookie("a"), cookie("b"), cookie("a") + AGENT1, cookie("b") + AGENT1])
_OURS = st.integers(1, 6).map(lambda number: cookie(f"cookie{number}", "BAYEUX_BROWSER"))
_HEADERS = st.one_of(_SHOWN, _OURS, st.tuples(_OURS, _SHOWN).map(lambda pair: (*pair[0], *pair[1])))
_CONNECTIONS = st.sampled_from(["x", "y", "z"])
_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["handshake", "rest", "rest", "opens", "polls", "leaves", "is lost"]),
        st.integers(1, 6),
        _HEADERS,
        _CONNECTIONS,
        st.sampled_from([None, "p1", "p2"]),
        st.booleans(),
    ),
    max_size=30,
)


@given(_CALLS)
def test_the_index_finds_whom_looking_at_everybody_finds(parsed: list[tuple[Any, ...]]) -> None:
    told = []
    for maker in (Registry, Scanned):
        cookies, ids = count(1), count(1)
        bayeux = BayeuxServer(lambda ids=ids: f"c{next(ids)}", 30.0)
        names = frozenset({"JSESSIONID", "BAYEUX_BROWSER"})
        told.append(tuple(told_of(maker(Sessions(names), lambda n=cookies: f"cookie{next(n)}", 2), bayeux, parsed)))

    assert told[0] == told[1]


def told_of(playheads: Registry, bayeux: BayeuxServer, parsed: list[tuple[Any, ...]]) -> Iterator[str | None]:
    """Whom each call is taken to be of."""
    for number, (what, client, headers, connection, name, answers) in enumerate(parsed):
        found = None
        match what:
            case "handshake":
                shaken = bayeux.receive(number, [{"channel": "/meta/handshake"}], 0.0)[0].handshaken or ""
                found, _ = playheads.handshaken(shaken, headers, connection, bayeux)
            case "rest":
                found = playheads.of_request(headers, connection, lambda _, a=answers: a, lambda p, n=name: p.name == n)
            case "opens":
                found = playheads.upgraded(headers, connection)
            case "polls":
                bayeux.receive(number, [{"channel": "/meta/connect", "clientId": f"c{client}"}], 0.0)
                playheads.seen(f"c{client}", headers, connection)
            case "leaves":
                playheads.leaves(f"c{client}")
            case "is lost":
                bayeux.forget(f"c{client}")
        yield found and found.name


# Connections that have ended


def test_a_connection_that_has_ended_tells_nothing_of_later_clients() -> None:
    door = Door()
    door.handshake("client1", connection="c1")
    door.handshake("client2", connection="c2")
    assert door.rest(connection="c1") == "p1"

    door.playheads.closed("c1")
    door.playheads.closed("never opened")

    assert door.rest(connection="c1") is None
    assert door.rest(connection="c2") == "p2"


# WebSockets that are open before their handshakes


def test_a_handshake_elsewhere_is_not_that_of_a_web_socket_which_is_open() -> None:
    door = Door()
    opened = door.playheads.upgraded((), "socket")
    assert opened is not None

    other = door.handshake("client1")
    own = door.handshake("client2", connection="socket")

    assert (other, own) == ("p2", opened.name)
    assert door.rest(cookie(opened.cookie, "BAYEUX_BROWSER")) == opened.name


def test_a_handshake_with_what_its_web_socket_showed_or_got_is_its_client_s() -> None:
    door = Door()
    first, second = door.playheads.upgraded(AGENT1, "one"), door.playheads.upgraded(AGENT2, "two")
    assert first is not None
    assert second is not None

    assert door.handshake("client1", AGENT1) == first.name
    assert door.handshake("client2", cookie(second.cookie, "BAYEUX_BROWSER")) == second.name


def test_a_web_socket_beside_a_handshake_is_of_the_client_that_uses_it() -> None:
    door = Door()
    opened = door.playheads.upgraded((), "socket")
    assert opened is not None
    door.handshake("client1")

    door.playheads.seen("client1", (), "socket")

    assert [playhead.client_id for playhead in door.playheads] == ["client1"]
    assert door.rest(cookie(opened.cookie, "BAYEUX_BROWSER")) == "p2"
