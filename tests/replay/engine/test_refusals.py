"""What the recorded server refused is refused once per live session, at its place, and a session that it ended ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.library.recording import joined
from recorder.model import Recording
from recorder.replay.engine.faults import Faults, parse
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import START, Stage
from tests.wire import URL, Desk, Message, Wire, body, chained, done

HANDSHAKE, CONNECT, SUBSCRIBE = "/meta/handshake", "/meta/connect", "/meta/subscribe"
DENIED = {"successful": False, "error": "403::Handshake denied", "ext": {"sfdc": {"failureReason": "401::No"}}}
COOKIE = (("Cookie", "JSESSIONID=recorded"),)


class Recorded:
    """A recorded client; 0.1 s pass after each exchange."""

    def __init__(self, wire: Wire, name: str = "c1") -> None:
        self.wire, self.desk = wire, Desk(wire, name, (("Cookie", f"JSESSIONID={name}"),))

    def says(self, channel: str, reply: Message | None = None, **own: Any) -> None:
        sender = {} if channel == HANDSHAKE else {"clientId": self.desk.client_id}
        exchange = self.desk.bayeux({"channel": channel, "id": "1"} | sender | own)
        self.wire.wait(0.1)
        told = {"channel": channel, "id": "1", "successful": True} | (reply or {})
        self.wire.respond(exchange, [told])

    def shakes_hands(self, name: str = "c1", **more: Any) -> None:
        self.desk.client_id = name
        self.says(HANDSHAKE, {"clientId": name} | more)

    def works(self, handle: int) -> None:
        self.wire.ack(self.desk.post(chained(handle, f"recorded-{handle}")))
        self.says(CONNECT, {}, advice={"timeout": 0})
        self.desk.hears(done(handle, f"recorded-{handle}"))


class Live:
    def __init__(self, stage: Stage, headers: Any = (), *, cookies: bool = True) -> None:
        self.stage, self.desk = stage, stage.stranger(headers, cookies=cookies)

    def sends(self, *messages: Message) -> list[Message]:
        number = self.desk.bayeux(*({"clientId": self.desk.client_id} | message for message in messages))
        told: list[Message] = json.loads(self.desk.replies[number].body)
        return told

    def says(self, channel: str, **own: Any) -> Message:
        told = self.sends({"channel": channel, "id": "7"} | own)[-1]
        if channel == HANDSHAKE and told["successful"]:
            self.desk.client_id = told["clientId"]
        return told

    def polls(self) -> Message:
        return self.says(CONNECT, advice={"timeout": 0})


def test_a_refused_handshake_is_refused_once_and_then_the_client_gets_in() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.says(HANDSHAKE, DENIED | {"advice": {"reconnect": "handshake", "interval": 500}})
    recorded.shakes_hands()
    recorded.works(7)
    live = Live(Stage(wire.recording()))

    refused, accepted = live.says(HANDSHAKE), live.says(HANDSHAKE)

    advice = {"reconnect": "handshake", "interval": 500}
    assert refused == {"id": "7", "channel": HANDSHAKE} | DENIED | {"advice": advice}
    assert accepted["successful"] is True


def test_each_of_two_clients_without_cookies_gets_in_at_last() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.says(HANDSHAKE, DENIED)
    recorded.shakes_hands()
    stage = Stage(wire.recording())
    one, other = Live(stage, cookies=False), Live(stage, cookies=False)

    told = [live.says(HANDSHAKE)["successful"] for live in (one, other, one, one)]

    assert told == [False, True, False, True]


def test_each_live_session_is_refused_once() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.says(HANDSHAKE, DENIED)
    recorded.shakes_hands()
    stage = Stage(wire.recording())
    one, other = Live(stage, (("Cookie", "JSESSIONID=a"),)), Live(stage, (("Cookie", "JSESSIONID=b"),))

    told = [live.says(HANDSHAKE)["successful"] for live in (one, other, one, other)]

    assert told == [False, False, True, True]


def test_a_client_that_was_never_let_in_is_never_let_in() -> None:
    wire = Wire()
    Recorded(wire).says(HANDSHAKE, DENIED)
    live = Live(Stage(wire.recording()))

    assert [live.says(HANDSHAKE)["successful"] for _ in range(3)] == [False] * 3


def test_the_second_subscription_is_refused_and_others_are_not() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(SUBSCRIBE, subscription="/a")
    recorded.says(SUBSCRIBE, {"successful": False, "error": "403::denied", "subscription": "/a"}, subscription="/a")
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)

    told = [live.says(SUBSCRIBE, subscription=name) for name in ("/a", "/b", "/a", "/a", "/b")]

    assert [one.get("error") for one in told] == [None, None, "403::denied", None, None]
    assert told[2]["subscription"] == "/a"


def test_of_several_channels_only_the_refused_one_is_refused() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(SUBSCRIBE, {"successful": False, "error": "403::denied", "subscription": "/a"}, subscription="/a")
    recorded.says(SUBSCRIBE, subscription="/b")
    stage = Stage(wire.recording())
    live = Live(stage)
    live.says(HANDSHAKE)

    told = live.sends({"channel": SUBSCRIBE, "subscription": ["/a", "/b"]})

    assert told == [
        {"channel": SUBSCRIBE, "subscription": ["/b"], "successful": True},
        {"channel": SUBSCRIBE, "subscription": "/a", "successful": False, "error": "403::denied"},
    ]


def test_one_of_several_subscriptions_in_a_body_is_refused() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(SUBSCRIBE, {"successful": False, "error": "403::denied"}, subscription="/a")
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)

    told = live.sends(*({"channel": SUBSCRIBE, "subscription": name} for name in ("/b", "/a", "/c")))

    assert [one["successful"] for one in told] == [True, False, True]


def test_a_refused_publish_is_published_again() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says("/service/x", {"successful": False, "error": "403::publish denied"}, data={"n": 1})
    recorded.says("/service/x", data={"n": 1})
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)

    told = [live.says(channel, data={"n": 1}) for channel in ("/service/y", "/service/x", "/service/x")]

    assert [one.get("error") for one in told] == [None, "403::publish denied", None]


@pytest.mark.parametrize(("error", "action"), [("401::Authentication invalid", "none"), ("403::denied", "none")])
def test_a_refused_first_connect_ends_the_session(error: str, action: str) -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT, {"successful": False, "error": error, "advice": {"reconnect": action}})
    stage = Stage(wire.recording())
    live = Live(stage)
    live.says(HANDSHAKE)

    told = live.polls()

    assert (told["error"], told["advice"]) == (error, {"reconnect": action})
    assert live.says(SUBSCRIBE, subscription="/a")["error"] == "402::session_unknown"
    assert stage.standin.state(stage.now)["sessions"][0]["left"] is True


def test_a_refused_connect_that_asks_for_patience_leaves_the_session() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    advice = {"reconnect": "retry", "interval": 100}
    recorded.says(CONNECT, {"successful": False, "error": "503::busy", "advice": advice})
    recorded.says(CONNECT)
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)

    assert [live.polls().get("error") for _ in range(3)] == ["503::busy", None, None]


def lost_after_work(reply: Message, pushed: list[Message]) -> Wire:
    """A session whose held poll is answered 2 s after its first operation; then the client is back for a second."""
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT)
    recorded.says(SUBSCRIBE, subscription="/**")
    recorded.works(7)
    exchange = recorded.desk.bayeux({"channel": CONNECT, "clientId": "c1", "id": "9"})
    wire.wait(2)
    wire.respond(exchange, [*pushed, {"channel": CONNECT, "id": "9"} | reply])
    wire.wait(0.5)
    recorded.shakes_hands("c2")
    recorded.says(CONNECT)
    recorded.says(SUBSCRIBE, subscription="/**")
    recorded.works(8)
    return wire


UNKNOWN = {"successful": False, "error": "402::Unknown client", "advice": {"reconnect": "handshake", "interval": 0}}


def test_an_expired_session_is_lost_at_its_place_and_its_events_go_to_the_next_one() -> None:
    stage = Stage(lost_after_work(UNKNOWN, []).recording(), rate=1)
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "live-7"))
    stage.wait(1.5)
    before = json.loads(desk.replies[max(desk.replies)].body)

    stage.wait(1.5)

    assert all("error" not in message for message in before)
    told = [json.loads(reply.body) for reply in desk.replies.values() if b"402" in reply.body]
    assert told[0] == [{"channel": CONNECT} | UNKNOWN]
    desk.handshakes()
    desk.posts(chained(8, "live-8"))
    desk.polls(advice={"timeout": 0})
    stage.wait(1)
    desk.polls(advice={"timeout": 0})
    assert desk.references == ["live-7", "live-8"]
    assert not stage.standin.unplayed_events


def test_a_session_that_the_server_ended_ends_with_a_disconnect_and_may_begin_anew() -> None:
    disconnect = {"channel": "/meta/disconnect", "successful": True}
    ended = lost_after_work({"successful": True, "advice": {"reconnect": "none"}}, [disconnect])
    stage = Stage(ended.recording(), rate=1)
    live = Live(stage)
    live.says(HANDSHAKE)
    live.polls()
    live.says(SUBSCRIBE, subscription="/**")
    live.desk.posts(chained(7, "live-7"))
    stage.wait(1)
    live.polls()
    held = live.desk.bayeux({"channel": CONNECT, "clientId": live.desk.client_id, "id": "12"})

    stage.wait(3)

    assert json.loads(live.desk.replies[held].body) == [
        disconnect,
        {"id": "12", "channel": CONNECT, "successful": True, "advice": {"reconnect": "none"}},
    ]
    assert stage.standin.state(stage.now)["sessions"][0]["left"] is True
    live.says(HANDSHAKE)
    live.polls()
    live.says(SUBSCRIBE, subscription="/**")
    live.desk.posts(chained(8, "live-8"))
    stage.wait(1)
    live.polls()
    assert live.desk.references == ["live-7", "live-8"]
    assert [session["name"] for session in stage.standin.state(stage.now)["sessions"]] == ["p1"]
    assert stage.standin.unplayed == ()


def test_a_session_that_ends_between_two_polls_ends_with_the_next_poll() -> None:
    stage = Stage(lost_after_work(UNKNOWN, []).recording())
    live = Live(stage)
    live.says(HANDSHAKE)
    live.polls()
    live.says(SUBSCRIBE, subscription="/**")
    live.desk.posts(chained(7, "live-7"))

    told = live.polls()

    assert told["error"] == "402::Unknown client"
    assert live.desk.references == ["live-7"]


def test_what_a_server_refused_after_a_disconnect_is_no_refusal_of_its_own() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says("/meta/disconnect")
    recorded.says(CONNECT, UNKNOWN)

    assert wire.recording().replies == ()


def test_a_refusal_comes_by_websocket_and_by_jsonp_too() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.says(HANDSHAKE, DENIED)
    recorded.shakes_hands()
    stage = Stage(wire.recording())
    shake = {"channel": HANDSHAKE, "id": "1"}
    upgrade = HttpRequest(1, "socket", "GET", URL, (("Cookie", "JSESSIONID=a"),), body([shake]), on_socket=True)
    script = HttpRequest(2, "script", "GET", f'{URL}?jsonp=cb&message=[{{"channel":"{HANDSHAKE}"}}]', COOKIE, b"")

    stage.standin.receive(upgrade, START)
    stage.standin.receive(script, START)
    by_socket, by_script = stage.standin.replies(START)

    assert json.loads(by_socket.body)[0]["error"] == "403::Handshake denied"
    assert b"403::Handshake denied" in by_script.body


# Faults


def faulty(*texts: str, rate: float = INSTANT, **options: Any) -> tuple[Stage, Live]:
    """A stand-in of a session that subscribes, publishes and works, with faults."""
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT)
    recorded.says(SUBSCRIBE, subscription="/**")
    recorded.says("/service/x", data={"n": 1})
    recorded.works(7)
    recorded.works(8)
    recording = wire.recording()
    stage = Stage(recording, rate=rate, faults=Faults([parse(text) for text in texts], recording), **options)
    return stage, Live(stage)


def test_a_fault_refuses_handshakes_as_often_as_it_says() -> None:
    stage, live = faulty("refuse handshake 2 times with '403::not now'")

    told = [live.says(HANDSHAKE).get("error") for _ in range(3)]

    assert told == ["403::not now", "403::not now", None]
    assert stage.standin.report()["faults"] == [{"fault": "refuse handshake 2 times with '403::not now'", "hit": 2}]


def test_a_fault_refuses_one_of_several_subscriptions_by_its_number() -> None:
    stage, live = faulty("refuse subscribe /**#2")
    live.says(HANDSHAKE)

    told = [live.says(SUBSCRIBE, subscription=name).get("error") for name in ("/a", "/**", "/a", "/**", "/**")]

    assert told == [None, None, None, "403:denied_by_security_policy:subscribe_denied", None]
    assert stage.standin.report()["faults"][0]["hit"] == 1


def test_a_fault_refuses_a_publish_on_its_channel_only() -> None:
    _, live = faulty("refuse publish /service/x")
    live.says(HANDSHAKE)

    told = [live.says(channel, data={}).get("error") for channel in ("/service/y", "/service/x", "/service/x")]

    assert told == [None, "403:denied_by_security_policy:publish_denied", None]


@pytest.mark.parametrize("what", ["GetChainedRecord#1", "ChainedRecordsDataEnd#1", "/v2/me/outbound#1"])
def test_a_fault_ends_the_session_with_its_ack_or_event(what: str) -> None:
    stage, live = faulty(f"end session after {what}", rate=1)
    live.says(HANDSHAKE)
    live.polls()
    live.says(SUBSCRIBE, subscription="/**")
    live.desk.posts(chained(7, "live-7"))
    stage.wait(1)

    told = live.sends({"channel": CONNECT, "advice": {"timeout": 0}})

    assert [one["channel"] for one in told if "data" not in one] == ["/meta/disconnect", CONNECT]
    assert told[-1]["advice"] == {"reconnect": "none"}
    assert live.polls()["error"] == "402::session_unknown"
    assert stage.standin.report()["faults"][0]["hit"] == 1


def test_a_session_expires_that_does_not_poll_for_too_long() -> None:
    stage, live = faulty("expire session after 10s idle")
    live.says(HANDSHAKE)
    live.polls()
    stage.wait(9)
    in_time = live.polls()
    stage.wait(11)

    late = live.polls()

    assert "error" not in in_time
    assert (late["error"], late["advice"]["reconnect"]) == ("402::session_unknown", "handshake")
    assert stage.standin.report()["faults"] == [{"fault": "expire session after 10s idle", "hit": 1}]


def test_a_session_that_holds_a_poll_does_not_expire() -> None:
    stage, live = faulty("expire session after 10s idle")
    live.says(HANDSHAKE)
    live.polls()
    held = live.desk.bayeux({"channel": CONNECT, "clientId": live.desk.client_id, "id": "9"})
    stage.wait(31)

    assert json.loads(live.desk.replies[held].body)[0]["successful"] is True
    assert "error" not in live.polls()


def test_faults_of_sessions_that_do_not_hit_change_no_byte() -> None:
    def transcript(*texts: str) -> list[bytes]:
        stage, live = faulty(*texts)
        live.says(HANDSHAKE)
        live.polls()
        live.says(SUBSCRIBE, subscription="/**")
        live.says("/service/x", data={"n": 1})
        live.desk.posts(chained(7, "live-7"))
        stage.wait(1)
        live.polls()
        live.says("/meta/disconnect")
        return [reply.body for _, reply in sorted(live.desk.replies.items())]

    faults = ["refuse subscribe /**#9", "refuse publish /service/x#9", "expire session after 9s idle"]

    assert transcript() == transcript(*faults) == transcript("end session after GetChainedRecord#9")


def late(handle: int, *, is_refused: bool) -> Recording:
    """A session with one operation, and a subscription after it; its clientId is that of the other ones."""
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.works(handle)
    refusal = {"successful": False, "error": f"403::{handle}"} if is_refused else {}
    recorded.says(SUBSCRIBE, refusal, subscription="/late")
    return wire.recording()


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("follows", [7, 8])
def test_a_client_is_refused_what_the_cassette_that_it_follows_refused(first: bool, second: bool, follows: int) -> None:
    recordings = [late(7, is_refused=first), late(8, is_refused=second)]
    live = Live(Stage(joined(recordings)))
    live.says(HANDSHAKE)
    live.desk.posts(chained(follows, "live"))
    live.polls()

    told = live.says(SUBSCRIBE, subscription="/late")

    assert told.get("error") == (f"403::{follows}" if {7: first, 8: second}[follows] else None)


def test_the_session_that_the_second_cassette_ended_ends() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.works(8)
    ended = {"successful": False, "error": "402::Unknown client", "advice": {"reconnect": "handshake"}}
    recorded.says(CONNECT, ended, advice={"timeout": 0})
    stage = Stage(joined([late(7, is_refused=False), wire.recording()]))
    live = Live(stage)
    live.says(HANDSHAKE)
    live.desk.posts(chained(8, "live"))
    live.polls()
    stage.wait(1)

    assert live.polls()["error"] == "402::Unknown client"
