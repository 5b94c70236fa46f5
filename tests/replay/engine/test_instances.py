"""Stand-ins behind a load balancer: what a client gets that comes from one that is gone."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.model import Headers
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import Wire, chained, done

AGENT: Headers = (("Authorization", "Basic YWdlbnQx"),)
ME: Headers = (("Set-Cookie", "JSESSIONID=recorded; Path=/"),)


class Instance(Stage):
    """One of several stand-ins, with a name and ids of its own."""

    def __init__(self, wire: Wire, name: str | None, salt: str = "", **options: Any) -> None:
        recording, ids = wire.recording(), count(1)
        super().__init__(recording)
        self.standin = ReplayEngine(
            recording,
            load(recording.header.dialect),
            new_id=lambda: sha256(f"{name}{salt} {next(ids)}".encode()).hexdigest()[:32],
            rate=INSTANT,
            instance=name,
            **options,
        )

    def meets(self, desk: Desk) -> Desk:
        """Take the client of another instance: its cookies come along, its clientId is unknown here."""
        desk.stage = self
        desk.replies = {}
        return desk


def recorded() -> Wire:
    """A login that sets a session cookie, and two operations."""
    wire = Wire()
    login = wire.request("GET", "/api/v2/me", b"", AGENT)
    wire.respond(login, {"statusCode": 0}, headers=ME)
    wire.wait(0.1)
    desk = wire.desk(headers=AGENT)
    for number in (7, 8):
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
    return wire


def begun(stage: Stage, agent: Headers = AGENT) -> Desk:
    desk = stage.stranger(agent)
    desk.sends("GET", "/api/v2/me", b"")
    desk.handshakes()
    desk.listens()
    return desk


def test_all_session_cookies_of_a_client_name_its_instance() -> None:
    desk = begun(Instance(recorded(), "one"))

    assert {value.partition("~")[0] for value in desk.jar.values()} == {"one"}
    assert set(desk.jar) == {"JSESSIONID", "BAYEUX_BROWSER"}


def test_cookies_of_a_single_stand_in_name_none() -> None:
    desk = begun(Instance(recorded(), None))

    assert not any("~" in value for value in desk.jar.values())


def test_the_name_changes_nothing_but_the_cookies() -> None:
    told = []
    for name in ("one", None):
        desk = begun(Instance(recorded(), name))
        desk.posts(chained(7, "live7"))
        desk.posts(chained(8, "live8"))
        told.append((desk.heard, desk.references))

    assert told[0] == told[1]


def test_a_client_of_a_dead_instance_shakes_hands_and_plays_from_its_start() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    desk.posts(chained(7, "a7"))
    two = Instance(wire, "two")

    two.meets(desk).polls_again()
    desk.polls()
    desk.handshakes()
    desk.listens()
    for number in (7, 8):
        desk.posts(chained(number, f"b{number}"))

    assert desk.references == ["a7", "b7", "b8"]
    assert two.misses == []
    assert desk.jar["BAYEUX_BROWSER"].startswith("two~")


def test_what_a_client_asks_before_it_knows_of_the_loss_may_be_asked_again() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")

    two.meets(desk).posts(chained(7, "a7"))
    desk.handshakes()
    desk.listens()
    desk.posts(chained(7, "b7"))
    desk.posts(chained(8, "b8"))

    assert desk.references == ["a7", "b7", "b8"]
    assert two.misses == []
    assert two.standin.report()["unplayed"] == []


def moved(desk: Desk, there: Instance) -> dict[str, str]:
    """Let the client of a lost instance shake hands at another one; return the cookies it had before."""
    lost = dict(there.meets(desk).jar)
    desk.handshakes()
    desk.listens()
    return lost


def posts_late(desk: Desk, lost: dict[str, str], payload: dict[str, Any]) -> None:
    """Send what left before the client knew of the loss: a balancer tried the dead instance until now."""
    now, desk.jar = desk.jar, dict(lost)
    desk.posts(payload)
    desk.jar = now


@pytest.mark.parametrize("name", ["two", "one"])
def test_what_comes_late_with_the_cookies_of_the_lost_instance_may_be_asked_again(name: str) -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, name, "anew")
    lost = moved(desk, two)

    posts_late(desk, lost, chained(7, "a7"))
    desk.posts(chained(7, "b7"))
    desk.posts(chained(8, "b8"))

    assert desk.references == ["a7", "b7", "b8"]
    assert two.misses == []


def test_what_comes_late_between_the_requests_of_the_new_session_takes_none_of_them_away() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    lost = moved(desk, two)

    desk.posts(chained(7, "b7"))
    posts_late(desk, lost, chained(8, "a8"))
    desk.posts(chained(8, "b8"))
    assert (desk.references, two.misses) == (["b7", "a8", "b8"], [])
    desk.posts(chained(7, "c7"))

    assert (desk.references, len(two.misses)) == (["b7", "a8", "b8"], 1)


def test_what_comes_late_before_and_after_the_handshake_may_be_asked_again() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    two.meets(desk).posts(chained(7, "a7"))
    lost = moved(desk, two)

    posts_late(desk, lost, chained(8, "a8"))
    for number in (7, 8):
        desk.posts(chained(number, f"b{number}"))

    assert desk.references == ["a7", "a8", "b7", "b8"]
    assert two.misses == []


def test_a_client_that_keeps_the_cookies_of_the_lost_instance_for_its_operations_asks_once() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    lost = moved(desk, two)

    for number in (7, 8, 7):
        posts_late(desk, lost, chained(number, f"b{number}"))

    assert (desk.references, len(two.misses)) == (["b7", "b8"], 1)


def test_a_client_that_goes_on_where_it_was_loses_nothing() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    desk.posts(chained(7, "a7"))
    two = Instance(wire, "two")

    two.meets(desk).posts(chained(8, "a8"))
    desk.handshakes()
    desk.listens()

    assert desk.references == ["a7", "a8"]
    assert two.misses == []


@pytest.mark.parametrize("others", [1, 2])
def test_a_client_of_a_dead_instance_is_none_of_those_that_are_here(others: int) -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    here = [begun(two) for _ in range(others)]

    two.meets(desk).posts(chained(7, "mine"))
    desk.handshakes()
    desk.listens()

    assert (two.misses, desk.references) == ([], ["mine"])
    assert [one.references for one in here] == [[]] * others


def test_a_client_that_restarts_here_is_as_new() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    again = Instance(wire, "one", "restarted")
    other = begun(again)

    again.meets(desk).posts(chained(7, "mine"))
    desk.handshakes()
    desk.listens()
    other.posts(chained(7, "other's"))

    assert (desk.references, other.references) == (["mine"], ["other's"])


def test_jars_of_one_client_that_come_from_a_dead_instance_are_one() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    begun(two)
    calls, pushed = two.stranger(), two.stranger()
    calls.jar = {"JSESSIONID": desk.jar["JSESSIONID"]}
    pushed.jar = {"BAYEUX_BROWSER": desk.jar["BAYEUX_BROWSER"]}

    calls.posts(chained(7, "mine"))
    pushed.handshakes()
    pushed.listens()

    assert pushed.references == ["mine"]


def test_a_client_that_keeps_cookies_for_its_calls_only_is_known_by_its_credential() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    begun(two)
    calls = two.stranger(AGENT)
    calls.jar = {"JSESSIONID": desk.jar["JSESSIONID"]}
    pushed = two.stranger((("Authorization", "Basic YWdlbnQy"),), cookies=False)
    calls.headers = pushed.headers

    pushed.handshakes()
    pushed.listens()
    calls.posts(chained(7, "mine"))

    assert pushed.references == ["mine"]


def test_an_upgrade_from_a_dead_instance_gets_a_cookie_of_this_one() -> None:
    wire = recorded()
    desk = begun(Instance(wire, "one"))
    two = Instance(wire, "two")
    begun(two)
    two.meets(desk)
    shown = "; ".join(f"{name}={value}" for name, value in desk.jar.items())
    request = two.requests[next(iter(two.requests))]._replace(headers=(*AGENT, ("Cookie", shown)), connection="new")

    cookies = [value for name, value in two.standin.upgrade(request) if name == "Set-Cookie"]

    assert len(cookies) == 1
    assert cookies[0].startswith("BAYEUX_BROWSER=two~")
