"""An event that no operation caused is anchored to what its client did last before it came."""

from __future__ import annotations

from typing import Any

from recorder.correlate.anchors import Subscriptions, anchors, text
from recorder.model import Recording
from tests.wire import URL, Desk, Message, Wire, body, campaign_event, chained, done, get_me, state_event

SUBSCRIBE, UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"


def told(recording: Recording) -> list[tuple[str, float]]:
    """Each anchor in words, and the distance of its event in seconds."""
    pairs = zip(recording.unsolicited, anchors(recording), strict=True)
    return [(text(anchor), (pushed.event.t - anchor.t) / 1e9) for pushed, anchor in pairs]


def says(desk: Desk, channel: str, *, refused: bool = False, **own: Any) -> None:
    """The desk sends one Bayeux message, 0.1 s pass, and the server answers."""
    exchange = desk.bayeux({"channel": channel, "id": "1", "clientId": desk.client_id} | own)
    desk.wire.wait(0.1)
    desk.wire.respond(exchange, [{"channel": channel, "id": "1", "successful": not refused}])


def shakes_hands(wire: Wire, client_id: str = "client1", headers: Any = ()) -> Desk:
    """A desk that has shaken hands and subscribed to nothing."""
    desk = Desk(wire, client_id, headers)
    reply = {"channel": "/meta/handshake", "successful": True, "clientId": client_id}
    wire.respond(desk.bayeux({"channel": "/meta/handshake"}), [reply])
    return desk


def note(channel: str, **data: Any) -> Message:
    return {"channel": channel, "data": data}


def test_an_event_before_all_else_follows_the_handshake() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    wire.wait(0.3)
    desk.hears(state_event())

    assert told(wire.recording()) == [("the handshake", 0.3)]


def test_an_event_follows_the_latest_subscription_that_matches_its_channel() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, SUBSCRIBE, subscription="/a/*")
    says(desk, SUBSCRIBE, subscription="/b")
    desk.hears(note("/a/x"), note("/b"), note("/c"))

    assert [words for words, _ in told(wire.recording())] == [
        "the subscription to /a/*", "the subscription to /b", "the handshake"
    ]  # fmt: skip


def test_a_preflight_of_a_browser_is_no_anchor() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, SUBSCRIBE, subscription="/b")
    wire.respond(wire.request("OPTIONS", "/api/v2/me/devices", b"", desk.headers), {})
    desk.hears(note("/b"))

    assert [words for words, _ in told(wire.recording())] == ["the subscription to /b"]


def test_an_event_before_the_reply_to_a_subscription_follows_it() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    desk.polls()
    exchange = desk.bayeux({"channel": SUBSCRIBE, "clientId": desk.client_id, "subscription": ["/a", "/b"]})
    wire.wait(0.2)
    desk.hears(note("/b"))
    wire.respond(exchange, [{"channel": SUBSCRIBE, "successful": True}])

    assert told(wire.recording()) == [("the subscription to /b", 0.2)]


def test_a_subscription_that_was_refused_is_no_anchor() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, SUBSCRIBE, subscription="/a", refused=True)
    desk.hears(note("/a"))

    assert told(wire.recording()) == [("the handshake", 0.1)]


def test_to_subscribe_twice_is_to_subscribe_once_but_after_an_unsubscription_it_counts() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, SUBSCRIBE, subscription="/a")
    says(desk, SUBSCRIBE, subscription="/a")
    desk.hears(note("/a"))
    says(desk, UNSUBSCRIBE, subscription="/a")
    desk.hears(note("/a", late=True))
    says(desk, SUBSCRIBE, subscription="/a")
    desk.hears(note("/a", again=True))

    assert [words for words, _ in told(wire.recording())] == [
        "the subscription to /a", "the unsubscription from /a", "the subscription to /a, number 2"
    ]  # fmt: skip


def test_an_event_follows_a_publish_of_its_session() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, "/service/ask", data={"n": 1})
    desk.hears(note("/answer", n=2))

    assert told(wire.recording()) == [("the publish on /service/ask", 0.1)]


def test_an_event_that_repeats_a_publish_follows_it_whatever_came_between() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, "/chat", data={"text": "hello", "to": "all"})
    exchange = desk.post(get_me())
    wire.ack(exchange)
    desk.hears(note("/chat", to="all", text="hello"), note("/chat", text="welcome"))
    first, second = anchors(wire.recording())

    assert (text(first), first.is_echo) == ("the publish on /chat", True)
    assert (text(second), second.is_echo) == ("GET /api/v2/me", False)


def test_each_publish_has_one_echo_for_each_client() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    for _ in range(2):
        says(desk, "/chat", data="ping")
    desk.hears(note("/chat") | {"data": "ping"}, note("/chat") | {"data": "ping"}, note("/chat") | {"data": "ping"})
    found = anchors(wire.recording())

    assert [(one.number, one.is_echo) for one in found] == [(2, True), (1, True), (2, False)]


def test_an_equal_event_long_after_a_publish_is_no_echo() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    says(desk, "/chat", data="ping")
    wire.wait(60)
    desk.hears(note("/chat") | {"data": "ping"})

    assert [one.is_echo for one in anchors(wire.recording())] == [False]


def test_the_copy_of_a_publish_for_another_session_hangs_on_that_session() -> None:
    wire = Wire()
    alice = shakes_hands(wire, "alice", (("Cookie", "JSESSIONID=a"),))
    bob = shakes_hands(wire, "bob", (("Cookie", "JSESSIONID=b"),))
    says(bob, SUBSCRIBE, subscription="/chat")
    says(alice, "/chat", data="hello")
    bob.hears(note("/chat") | {"data": "hello"})

    assert told(wire.recording()) == [("the subscription to /chat", 0.2)]


def test_an_event_follows_an_exchange_that_is_no_operation_from_its_request_on() -> None:
    wire = Wire()
    desk = wire.desk()
    exchange = desk.post(get_me())
    wire.wait(0.2)
    desk.hears(state_event())
    wire.ack(exchange)

    assert told(wire.recording()) == [("GET /api/v2/me", 0.2)]


def test_an_event_follows_the_triple_before_it_of_its_own_session() -> None:
    wire = Wire()
    alice = wire.desk("alice", (("Cookie", "JSESSIONID=a"),))
    bob = wire.desk("bob", (("Cookie", "JSESSIONID=b"),))
    alice.asks(chained(7, "r1"), done(7, "r1"))
    bob.asks(chained(8, "r1"), done(8, "r1"))
    alice.hears(state_event())
    wire.desk("carol", (("Cookie", "JSESSIONID=c"),)).hears(campaign_event("CampaignStarted"))

    assert [words for words, _ in told(wire.recording())] == [
        "triple 1 (GetChainedRecord)", "the subscription to /**"
    ]  # fmt: skip


def test_in_a_capture_that_began_in_the_middle_the_begin_is_the_anchor() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.records.clear()
    desk.hears(state_event())
    desk.asks(chained(7, "r1"), campaign_event("CampaignStarted"))

    assert told(wire.recording()) == [("the handshake", 0.0), ("triple 1 (GetChainedRecord)", 0.2)]


def test_what_a_client_repeats_because_the_server_lost_it_is_no_anchor() -> None:
    wire = Wire()
    desk = wire.desk("c1", (("Cookie", "JSESSIONID=a"),))
    lost = {"channel": "/meta/connect", "successful": False, "error": "402::session_unknown"}
    wire.respond(desk.polls(), [lost])
    desk.client_id, desk._poll = "c2", None
    desk.shakes_hands()
    desk.hears(state_event())

    assert [words for words, _ in told(wire.recording())] == ["the subscription to /**"]


def test_a_session_that_the_client_began_anew_is_an_anchor() -> None:
    wire = Wire()
    desk = wire.desk("c1", (("Cookie", "JSESSIONID=a"),))
    desk.loses_poll()
    desk.client_id = "c2"
    desk.shakes_hands()
    desk.hears(state_event())

    assert [words for words, _ in told(wire.recording())] == ["the subscription to /**, number 2"]


def test_windows_of_a_session_subscribe_apart() -> None:
    wire = Wire()
    one = shakes_hands(wire, "c1", (("Cookie", "JSESSIONID=a"),))
    says(one, SUBSCRIBE, subscription="/a")
    two = shakes_hands(wire, "c2", (("Cookie", "JSESSIONID=a"),))
    says(two, SUBSCRIBE, subscription="/a")
    one.hears(note("/a"))
    two.hears(note("/a"))
    found = anchors(wire.recording())

    assert [(text(one), one.window) for one in found] == [
        ("the subscription to /a", 0), ("the subscription to /a", 1)
    ]  # fmt: skip


def test_messages_on_a_websocket_are_anchors_too() -> None:
    wire = Wire()
    exchange = wire.request("GET", URL, b"", (("Cookie", "JSESSIONID=a"),))
    wire.respond(exchange, b"", status=101)
    wire.frame(exchange, {"channel": "/meta/handshake"}, from_client=True)
    wire.frame(exchange, {"channel": "/meta/handshake", "successful": True, "clientId": "c1"}, from_client=False)
    wire.frame(exchange, {"channel": SUBSCRIBE, "clientId": "c1", "subscription": "/a"}, from_client=True)
    wire.wait(0.5)
    wire.frame(exchange, note("/a"), {"channel": SUBSCRIBE, "successful": True}, from_client=False)

    assert told(wire.recording()) == [("the subscription to /a", 0.5)]


def test_a_recorded_client_was_subscribed_from_its_request_until_it_unsubscribed() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    desk.hears(note("/a"))
    says(desk, SUBSCRIBE, subscription="/a")
    desk.hears(note("/a"), note("/b"))
    says(desk, UNSUBSCRIBE, subscription="/a")
    desk.hears(note("/a"))
    recording = wire.recording()
    subscriptions = Subscriptions(recording.messages)

    assert [subscriptions.covered(one.event) for one in recording.unsolicited] == [False, True, False, False]


def test_a_form_with_messages_is_read_too() -> None:
    wire = Wire()
    desk = shakes_hands(wire)
    message = {"channel": "/service/ask", "clientId": desk.client_id, "data": 1}
    wire.respond(wire.request("POST", URL, b"message=" + body([message])), [message | {"successful": True}])
    desk.hears(note("/answer"))

    assert [words for words, _ in told(wire.recording())] == ["the publish on /service/ask"]
