"""WebSockets without Bayeux: messages of the server are events, those of the client requests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.messages import encode
from recorder.model import Chunk, Event, Failure, Note, Record, Request, Response, SocketMessage
from recorder.push.decoders import Decoders
from recorder.push.port import Asked, Closed, Observation, Opened
from recorder.push.rules import PushRules

NO_RULES = PushRules()
UPGRADE = Request(0, 0, 0, "c", "GET", "/ws", (("Upgrade", "websocket"),), b"")
SWITCHED = Response(1, 1, 0, 101, (("Sec-WebSocket-Protocol", "graphql-ws"),), b"")


def pushed(body: bytes, *, seq: int = 2, is_text: bool = True) -> SocketMessage:
    return SocketMessage(seq, seq, 0, False, body, is_text)


def sent(body: bytes, *, seq: int = 2) -> SocketMessage:
    return SocketMessage(seq, seq, 0, True, body)


def decoded(*records: Record, rules: PushRules = NO_RULES) -> list[Observation]:
    decoder = Decoders(rules)
    return [seen for record in records for seen in decoder.feed(record)]


def event(body: bytes, *, is_text: bool = True, rules: PushRules = NO_RULES) -> Event:
    _, found = decoded(UPGRADE, SWITCHED, pushed(body, is_text=is_text), rules=rules)
    assert isinstance(found, Event)
    return found


def test_socket_is_opened_at_its_upgrade() -> None:
    assert decoded(UPGRADE, SWITCHED, pushed(b"{}"))[0] == Opened("stream-0", 0, 1, 1, "websocket", "graphql-ws")


def test_socket_that_nobody_spoke_on_is_opened_when_it_ends() -> None:
    seen = decoded(UPGRADE, SWITCHED, Failure(2, 2, 0, "websocket closed by server, code 1000"))

    assert [type(one) for one in seen] == [Opened, Closed]


@pytest.mark.parametrize(
    ("body", "topic", "data"),
    [
        (b'{"type":"ka","x":1}', "ka", {"type": "ka", "x": 1}),
        (b'{"method":"m","topic":"t"}', "m", {"method": "m", "topic": "t"}),
        (b'{"type":7,"topic":"t"}', "t", {"type": 7, "topic": "t"}),
        (b'{"id":1}', "message", {"id": 1}),
        (b"[1,2]", "message", [1, 2]),
        (b"2", "message", 2),
        (b"pong", "pong", "pong"),
        (b"two words", "message", "two words"),
        (b'42["msg",{}]', "message", '42["msg",{}]'),
        (b"NaN", "NaN", "NaN"),
        (b"", "message", ""),
        (b"[" * 5000, "message", "[" * 5000),
    ],
)
def test_topic_and_data_of_an_event(body: bytes, topic: str, data: object) -> None:
    found = event(body)

    assert (found.channel, found.data, found.raw) == (topic, data, body)


@pytest.mark.parametrize(("body", "is_text"), [(b"abc", False), (b"\xff\xfe", True)])
def test_binary_message_is_base64(body: bytes, is_text: bool) -> None:
    found = event(body, is_text=is_text)

    assert (found.channel, found.raw, found.beside) == ("message", body, {"binary": True})
    assert found.data in {"YWJj", "//4="}


def test_topic_of_the_dialect_comes_first() -> None:
    rules = PushRules(topic=lambda data: data.get("topicName"), asked=lambda data: data["do"])

    found = event(b'{"type":"x","topicName":"v2.a"}', rules=rules)
    asked = decoded(UPGRADE, SWITCHED, sent(b'{"type":"x","do":"join"}'), rules=rules)[1]

    assert found.channel == "v2.a"
    assert asked == Asked("stream-0", Request(2, 2, 0, "", "MESSAGE", "join", (), b'{"type":"x","do":"join"}', 0))


def test_socket_of_bayeux_is_no_other() -> None:
    shaken = {"channel": "/meta/handshake", "successful": True, "clientId": "c1"}
    asked, replied = sent(encode([{"channel": "/meta/handshake"}])), pushed(encode([shaken]), seq=3)

    seen = decoded(UPGRADE, SWITCHED, asked, replied, pushed(b"no Bayeux", seq=4))

    assert [(type(one), getattr(one, "protocol", "")) for one in seen] == [(Opened, "bayeux")]


def test_message_that_looks_like_bayeux_changes_no_other_socket() -> None:
    seen = decoded(UPGRADE, SWITCHED, pushed(b'{"a":1}'), pushed(b'{"channel":"/x","data":1}', seq=3))

    assert [one.client_id for one in seen] == ["stream-0"] * 3
    assert seen[2].data == {"channel": "/x", "data": 1}


@pytest.mark.parametrize(
    ("reason", "ended", "code"),
    [
        ("websocket closed by server, code 1000", True, 1000),
        ("websocket closed by client, code 1001", False, 1001),
        ("websocket closed by server, code 4001: gone away", True, 4001),
        ("websocket closed by server, code 1006", False, 1006),
        ("Server disconnected.", False, None),
    ],
)
def test_end_of_a_socket_has_its_code(reason: str, ended: bool, code: int | None) -> None:
    (closed,) = decoded(UPGRADE, SWITCHED, pushed(b"x"), Failure(3, 3, 0, reason))[2:]

    assert (closed.ended, closed.code) == (ended, code)


_BODIES = st.one_of(
    st.binary(max_size=40), st.just(b"data: 1\n\n: c\n"), st.just(encode([{"channel": "/a", "data": {}}])),
    st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda v: st.lists(v) | st.dictionaries(st.text(), v))
    .map(lambda v: json.dumps(v).encode()),
)  # fmt: skip
_HEADERS = st.sampled_from([(), (("content-type", "text/event-stream"),), (("Content-Type", "application/json"),)])
_AT = st.just(0)
_X = st.integers(0, 3)
_RECORDS = st.one_of(
    st.builds(
        Request, _AT, _AT, _X, st.just("c"), st.sampled_from(["GET", "POST"]), st.just("/a?b"), _HEADERS, _BODIES
    ),
    st.builds(Response, _AT, _AT, _X, st.sampled_from([101, 200, 500]), _HEADERS, _BODIES, st.none(), st.booleans()),
    st.builds(Chunk, _AT, _AT, _X, _BODIES, st.booleans()),
    st.builds(Failure, _AT, _AT, _X, st.sampled_from(["x", "websocket closed by server, code 1000", "code 99999"])),
    st.builds(SocketMessage, _AT, _AT, _X, st.booleans(), _BODIES, st.booleans()),
    st.builds(Note, _AT, _AT, st.just("k"), st.just("")),
)


@given(st.lists(_RECORDS, max_size=12))
def test_any_records_are_decoded(records: list[Record]) -> None:
    decoder = Decoders(replies=True)

    for record in records:
        for seen in decoder.feed(record):
            assert isinstance(seen, Observation.__args__)
