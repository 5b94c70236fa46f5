"""Kinds of sessions that real servers and clients make: a session lost and renewed, acknowledged messages, one change
that two users hear.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.dialect.definition import shipped
from recorder.library.recording import joined
from recorder.model import Header, Headers, Recording
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import URL, Ask, Message, Wire, body, chained, done

UNKNOWN = {
    "channel": "/meta/connect",
    "successful": False,
    "error": "402::session_unknown",
    "advice": {"reconnect": "handshake", "interval": 0},
}
COOKIE: Headers = (("Cookie", "JSESSIONID=desk"),)


def lost_and_renewed(*, during: bool) -> Recording:
    """Two operations over two client ids; `during`: the session is lost between the first request and its event."""
    wire = Wire()
    first = wire.desk("c1", COOKIE)
    exchange = first.post(chained(7, "recorded-7"))
    wire.wait(0.1)
    wire.ack(exchange)
    if not during:
        wire.wait(0.1)
        first.hears(done(7, "recorded-7"))
    wire.wait(0.1)
    wire.respond(first.polls(), [UNKNOWN])
    second = wire.desk("c2", COOKIE)
    wire.wait(0.1)
    if during:
        second.hears(done(7, "recorded-7"))
    second.asks(chained(8, "recorded-8"), done(8, "recorded-8"))
    return wire.recording()


@pytest.mark.parametrize("during", [False, True])
def test_a_session_that_was_renewed_is_one_session_with_all_its_triples(during: bool) -> None:
    recording = lost_and_renewed(during=during)

    assert len({triple.session for triple in recording.triples}) == 1
    assert [len(triple.events) for triple in recording.triples] == [1, 1]
    assert recording.unsolicited == ()


@pytest.mark.parametrize("rate", [INSTANT, 20, 1])
@pytest.mark.parametrize("during", [False, True])
def test_a_client_that_is_told_to_shake_hands_as_was_recorded_hears_all_of_both(during: bool, rate: float) -> None:
    stage = Stage(lost_and_renewed(during=during), rate=rate)
    desk = stage.desk()
    desk.listens()
    for handle in (7, 8):
        stage.wait(1.5)
        desk.posts(chained(handle, f"live-{handle}"))
    stage.wait(5)

    assert desk.references == ["live-7", "live-8"]
    assert stage.standin.misses == []


@pytest.mark.parametrize("during", [False, True])
def test_a_client_that_shakes_hands_again_between_two_operations_hears_each_event_once(during: bool) -> None:
    stage = Stage(lost_and_renewed(during=during), rate=1)
    desk = stage.desk()
    desk.posts(chained(7, "live-7"))
    desk.handshakes()
    desk.listens()
    stage.wait(5)
    desk.posts(chained(8, "live-8"))
    stage.wait(5)

    assert desk.references == ["live-7", "live-8"]


@pytest.mark.parametrize("words", ["402::Unknown client", "402::unknown_session"])
def test_a_client_without_a_session_is_told_in_the_words_of_the_recorded_server(words: str) -> None:
    wire = Wire()
    wire.respond(wire.desk("c1", COOKIE).polls(), [UNKNOWN | {"error": words}])
    stage = Stage(wire.recording())
    desk = stage.stranger()
    desk.client_id = "nobody"

    reply = desk.replies[desk.polls()]

    assert json.loads(reply.body)[0]["error"] == words


@pytest.mark.parametrize("name", ["/topic/A?Name='x'", "/a%20b"])
def test_a_channel_that_was_recorded_can_be_subscribed_to_whatever_its_name(name: str) -> None:
    wire = Wire()
    desk = wire.desk("c1", COOKIE)
    subscribe = {"channel": "/meta/subscribe", "clientId": "c1", "subscription": name}
    wire.respond(desk.bayeux(subscribe), [subscribe | {"successful": True}])
    live = Stage(wire.recording()).desk()

    replies = [
        live.replies[live.bayeux(subscribe | {"clientId": live.client_id, "subscription": wanted})]
        for wanted in (name, f"{name}%")
    ]

    assert [json.loads(reply.body)[-1]["successful"] for reply in replies] == [True, False]


def acknowledged() -> Recording:
    """The ack extension, an event before the ack of its operation, and one batch delivered twice."""
    wire = Wire()
    reply = {"channel": "/meta/handshake", "successful": True, "clientId": "c1", "ext": {"ack": True}}
    wire.respond(
        wire.request("POST", URL, body([{"channel": "/meta/handshake", "ext": {"ack": True}}]), COOKIE), [reply]
    )
    subscribe = {"channel": "/meta/subscribe", "clientId": "c1", "subscription": "/**"}
    wire.respond(wire.request("POST", URL, body([subscribe]), COOKIE), [subscribe | {"successful": True}])

    def polls(ack: int) -> int:
        connect = {"channel": "/meta/connect", "clientId": "c1", "ext": {"ack": ack}}
        return wire.request("POST", URL, body([connect]), COOKIE)

    def answers(poll: int, batch: int, *events: Message) -> None:
        wire.wait(0.1)
        wire.respond(poll, [*events, {"channel": "/meta/connect", "successful": True, "ext": {"ack": batch}}])

    poll = polls(0)
    post = wire.request("POST", chained(7).target, chained(7, "recorded-7").body, COOKIE)
    answers(poll, 1, done(7, "recorded-7"))
    wire.ack(post)
    answers(polls(0), 1, done(7, "recorded-7"))  # the first delivery got lost
    answers(polls(1), 2)
    return wire.recording()


def test_a_batch_that_came_twice_is_one_event() -> None:
    (triple,) = acknowledged().triples

    assert len(triple.events) == 1
    assert acknowledged().unsolicited == ()


def test_a_client_that_acknowledges_hears_the_event_once() -> None:
    stage = Stage(acknowledged())
    desk = stage.stranger()
    number = desk.bayeux({"channel": "/meta/handshake", "ext": {"ack": True}})
    (reply,) = json.loads(desk.replies[number].body)
    desk.client_id = reply["clientId"]
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/**"})
    desk.posts(chained(7, "live-7"))
    batches = []
    for ack in (0, 1, 2):
        number = desk.polls(ext={"ack": ack}, advice={"timeout": 0})
        batches.append(json.loads(desk.replies[number].body)[-1]["ext"]["ack"])

    assert reply["ext"]["ack"] is True
    assert desk.references == ["live-7"]
    assert batches == sorted(set(batches))


def test_a_client_that_does_not_confirm_hears_the_batch_again() -> None:
    stage = Stage(acknowledged())
    desk = stage.stranger()
    number = desk.bayeux({"channel": "/meta/handshake", "ext": {"ack": True}})
    desk.client_id = json.loads(desk.replies[number].body)[0]["clientId"]
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/**"})
    desk.posts(chained(7, "live-7"))
    desk.polls(ext={"ack": 0}, advice={"timeout": 0})
    desk.polls(ext={"ack": 0}, advice={"timeout": 0})

    assert desk.references == ["live-7", "live-7"]


ACCOUNTS = "/data/AccountChangeEvent"
RECORDS = "/services/data/v60.0/sobjects/Account"
STREAM = "/cometd/60.0"
ORG = Header(started=0, upstream="http://org.example", dialect="salesforce-changes", redaction="none")


def change(name: str, record: str) -> Message:
    header = {"entityName": "Account", "recordIds": [record], "changeType": "CREATE"}
    return {"channel": ACCOUNTS, "data": {"payload": {"ChangeEventHeader": header, "Name": name}}}


class User:
    """A user of an org, recorded: the stream with one scheme, records with another, no cookies."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire, self.name = wire, name
        reply = {"channel": "/meta/handshake", "successful": True, "clientId": name}
        self.says({"channel": "/meta/handshake"}, reply)
        subscribe = {"channel": "/meta/subscribe", "clientId": name, "subscription": ACCOUNTS}
        self.says(subscribe, subscribe | {"successful": True})

    def says(self, message: Message, *replies: Message) -> None:
        headers = (("Authorization", f"OAuth token-{self.name}"),)
        self.wire.respond(self.wire.request("POST", STREAM, body([message]), headers, self.name), replies)

    def creates(self, name: str, record: str) -> None:
        headers = (("Authorization", f"Bearer token-{self.name}"),)
        exchange = self.wire.request("POST", RECORDS, body({"Name": name}), headers, f"{self.name} rest")
        self.wire.wait(0.05)
        self.wire.respond(exchange, {"id": record, "success": True, "errors": []}, status=201)

    def hears(self, event: Message) -> None:
        connect = {"channel": "/meta/connect", "clientId": self.name}
        self.says(connect, event, {"channel": "/meta/connect", "successful": True})


def colleagues(*, same: bool) -> Recording:
    """Ann and Bob make a change each, and both hear both; `same`: their requests are alike but for the token."""
    wire = Wire()
    ann, bob = User(wire, "ann"), User(wire, "bob")
    for user, other, record in ((ann, bob, "001A"), (bob, ann, "001B")):
        name = "Acme" if same else f"of {user.name}"
        user.creates(name, record)
        wire.wait(0.1)
        user.hears(change(name, record))
        other.hears(change(name, record))
    recording = wire.recording(shipped("salesforce-changes"))
    return joined([Recording(**{n: getattr(recording, n) for n in recording.__slots__} | {"header": ORG})])


class Live(Desk):
    """A live user with a token of its own."""

    def __init__(self, stage: Stage, token: str) -> None:
        super().__init__(stage, (), "", cookies=False)
        self._token = token
        number = self.stream({"channel": "/meta/handshake"})
        self.client_id = json.loads(self.replies[number].body)[0]["clientId"]
        self.stream({"channel": "/meta/subscribe", "clientId": self.client_id, "subscription": ACCOUNTS})

    def stream(self, message: Message) -> int:
        return self.sends("POST", STREAM, body([message]), (("Authorization", f"OAuth {self._token}"),))

    def creates(self, name: str) -> None:
        self.posts(Ask(RECORDS, {"Name": name}), (("Authorization", f"Bearer {self._token}"),))

    def looks(self) -> list[Any]:
        """The records whose changes came since it looked last."""
        self.stream({"channel": "/meta/connect", "clientId": self.client_id, "advice": {"timeout": 0}})
        found = [event["data"]["payload"]["ChangeEventHeader"]["recordIds"][0] for event in self.events]
        self.events.clear()
        return sorted(found)


def test_a_change_is_linked_once_and_its_copy_is_anchored() -> None:
    recording = colleagues(same=False)

    assert [[link.event.client_id for link in triple.events] for triple in recording.triples] == [["ann"], ["bob"]]
    assert [found.event.client_id for found in recording.unsolicited] == ["bob", "ann"]


@pytest.mark.parametrize("rate", [INSTANT, 20])
@pytest.mark.parametrize("same", [False, True])
def test_each_of_two_users_hears_each_change_once(same: bool, rate: float) -> None:
    stage = Stage(colleagues(same=same), rate=rate)
    ann, bob = Live(stage, "live-ann"), Live(stage, "live-bob")
    ann.creates("Acme" if same else "of ann")
    stage.wait(1.5)
    bob.creates("Acme" if same else "of bob")
    stage.wait(5)

    assert (ann.looks(), bob.looks()) == (["001A", "001B"], ["001A", "001B"])
    assert stage.standin.misses == []


def test_a_change_waits_for_the_user_who_makes_it() -> None:
    stage = Stage(colleagues(same=False))
    ann, bob = Live(stage, "live-ann"), Live(stage, "live-bob")
    stage.wait(5)
    bob.creates("of bob")
    stage.wait(5)

    assert "001A" not in ann.looks()
    assert bob.looks() == ["001A", "001B"]


def test_one_user_alone_hears_the_copies_of_the_other() -> None:
    stage = Stage(colleagues(same=False))
    bob = Live(stage, "live-bob")
    bob.creates("of bob")
    stage.wait(5)

    assert bob.looks() == ["001A", "001B"]
