"""What is seen of sessions on the wire; each test is a short transcript."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bayeux.messages import Message, encode
from recorder.model import Event, Failure, Note, Request, Response, SocketMessage
from recorder.push.bayeux import BayeuxDecoder as Decoder
from recorder.push.port import Advised, Observation, Opened, Refused, Replied, Sent, Subscribed
from tests.wrappings import WRAPPINGS

URL = "/api/v2/notifications"
CHANNEL = "/v2/me/outbound"
RECORD = {"channel": CHANNEL, "data": {"recordHandle": 7}}
TWIN = {"channel": "/me/internal", "data": {"GSW_RECORD_HANDLE": 7}}
HANDSHAKEN = {"channel": "/meta/handshake", "successful": True, "clientId": "c1"}
CONNECTED = {"channel": "/meta/connect", "successful": True}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CHANNELS = st.sampled_from(["/meta/handshake", "/meta/connect", "/meta/subscribe", "/meta/nonsense", CHANNEL, "/"])
FIELDS = ["successful", "clientId", "subscription", "advice", "data", "id", "error"]
ADVICE = st.fixed_dictionaries({"timeout": JSON | st.just(10**400), "interval": JSON})
MESSAGES = st.lists(
    st.builds(
        lambda channel, fields: fields | {"channel": channel},
        CHANNELS,
        st.dictionaries(st.sampled_from(FIELDS), JSON | ADVICE | st.just(True), max_size=5),
    ),
    min_size=1,
    max_size=4,
)


def exchange(decoder: Decoder, asked: list[Message], told: list[Message], *, number: int = 0) -> list[Observation]:
    """Feed a request and, as record 11 at t=5, its response; what the response shows."""
    decoder.feed(request(encode(asked), number=number))
    return decoder.feed(response(encode(told), number=number))


def request(body: bytes, *, target: str = URL, number: int = 0) -> Request:
    return Request(10, 4, number, "conn", "POST", target, (), body)


def response(body: bytes, *, number: int = 0) -> Response:
    return Response(11, 5, number, 200, (), body)


def socket(told: Any, *, from_client: bool = False, number: int = 0) -> SocketMessage:
    return SocketMessage(11, 5, number, from_client, json.dumps(told).encode())


def event(index: int, message: Message, client: str = "c1", exchange: int = 0) -> Event:
    return Event(11, index, 5, exchange, client, message["channel"], message.get("data"))


def asks(channel: str, client: str = "c1", **own: Any) -> list[Message]:
    return [{"channel": channel, "clientId": client} | own]


# Sessions


def test_a_handshake_names_the_client() -> None:
    seen = exchange(Decoder(), [{"channel": "/meta/handshake"}], [HANDSHAKEN], number=3)

    assert seen == [Opened("c1", exchange=3, seq=11, t=5)]


def test_a_refused_handshake_names_nobody() -> None:
    refused = {"channel": "/meta/handshake", "successful": False, "clientId": "c1"}

    assert exchange(Decoder(), [{"channel": "/meta/handshake"}], [refused]) == [Refused("", 0, refused, lost=False)]


def test_a_handshake_without_a_client_id_names_nobody() -> None:
    told = {"channel": "/meta/handshake", "successful": True}

    assert exchange(Decoder(), [{"channel": "/meta/handshake"}], [told]) == []


def test_a_confirmed_subscription_is_seen() -> None:
    told = {"channel": "/meta/subscribe", "successful": True, "subscription": "/v2/me/*"}

    seen = exchange(Decoder(), asks("/meta/subscribe", subscription="/v2/me/*"), [told])

    assert seen == [Subscribed("c1", "/v2/me/*", seq=11, t=5)]


def test_subscriptions_in_an_array_are_seen_one_by_one() -> None:
    told = {"channel": "/meta/subscribe", "successful": True, "subscription": ["/a", "/b"]}

    seen = exchange(Decoder(), asks("/meta/subscribe"), [told])

    assert seen == [Subscribed("c1", "/a", seq=11, t=5), Subscribed("c1", "/b", seq=11, t=5)]


@pytest.mark.parametrize(
    "told",
    [
        {"subscription": "/a"},
        {"successful": True},
        {"successful": True, "subscription": None},
        {"successful": True, "subscription": [7, {}]},
    ],
)
def test_other_subscribe_replies_show_no_subscription(told: dict[str, Any]) -> None:
    assert exchange(Decoder(), asks("/meta/subscribe"), [{"channel": "/meta/subscribe"} | told]) == []


def test_the_poll_timeout_of_the_server_is_seen_in_seconds() -> None:
    told = [HANDSHAKEN | {"advice": {"reconnect": "retry", "timeout": 30_000}}]

    *_, seen = exchange(Decoder(), [{"channel": "/meta/handshake"}], told)

    assert seen == Advised(30.0)


@pytest.mark.parametrize(
    "advice", [{"timeout": 0}, {"timeout": -1}, {"timeout": "30000"}, {"timeout": True}, {"timeout": None}, {}, [], 7]
)
def test_other_advice_tells_no_timeout(advice: Any) -> None:
    assert exchange(Decoder(), asks("/meta/connect"), [CONNECTED | {"advice": advice}]) == []


@pytest.mark.parametrize("timeout", ["1e999", "NaN", "9" * 400])
def test_a_timeout_beyond_all_numbers_tells_nothing(timeout: str) -> None:
    decoder = Decoder()
    decoder.feed(request(encode(asks("/meta/connect"))))

    seen = decoder.feed(response(b'[{"channel":"/meta/connect","advice":{"timeout":%s}}]' % timeout.encode()))

    assert seen == []


# Events


def test_the_events_of_a_poll_are_seen_in_order_with_their_place() -> None:
    seen = exchange(Decoder(), asks("/meta/connect"), [RECORD, TWIN, CONNECTED])

    assert seen == [event(0, RECORD), event(1, TWIN)]


def test_faye_puts_the_reply_first_and_ids_on_events() -> None:
    told = [CONNECTED | {"clientId": "c1", "id": "4"}, RECORD | {"id": "9"}, TWIN | {"id": "a"}]

    seen = exchange(Decoder(), asks("/meta/connect"), told)

    assert seen == [event(1, RECORD), event(2, TWIN)]


@pytest.mark.parametrize("channel", ["/service/x", "/meta/subscribe", "/meta/unsubscribe", "/meta/disconnect"])
def test_events_ride_in_any_reply(channel: str) -> None:
    reply = {"channel": channel, "successful": True}

    seen = exchange(Decoder(), asks(channel), [RECORD, reply])

    assert [one for one in seen if not isinstance(one, Replied)] == [event(0, RECORD)]


def test_events_of_a_handshake_reply_belong_to_the_new_client() -> None:
    seen = exchange(Decoder(), [{"channel": "/meta/handshake"}], [HANDSHAKEN, RECORD])

    assert seen == [Opened("c1", exchange=0, seq=11, t=5), event(1, RECORD)]


def test_the_reply_to_a_publish_is_no_event_though_its_channel_is_the_same() -> None:
    reply = {"channel": CHANNEL, "successful": True, "id": "7"}

    seen = exchange(Decoder(), asks(CHANNEL, data={}), [reply, RECORD])

    assert seen == [event(1, RECORD)]


def test_an_event_without_data_is_an_event() -> None:
    seen = exchange(Decoder(), asks("/meta/connect"), [{"channel": CHANNEL}])

    assert seen == [Event(11, 0, 5, 0, "c1", CHANNEL, None)]


def test_what_a_client_publishes_is_no_event() -> None:
    (published,) = asked = asks(CHANNEL, data={"text": "hello"})

    assert Decoder().feed(request(encode(asked))) == [Sent("c1", 0, 10, 0, 4, published)]


def test_a_subscription_that_is_refused_is_seen_as_sent_and_as_refused() -> None:
    asked = asks("/meta/subscribe", subscription="/a")
    refusal = {"channel": "/meta/subscribe", "successful": False, "error": "403::denied"}
    decoder = Decoder()

    assert decoder.feed(request(encode(asked))) == [Sent("c1", 0, 10, 0, 4, asked[0])]
    assert decoder.feed(response(encode([refusal]))) == [Refused("c1", 0, refusal, lost=False)]


@pytest.mark.parametrize(
    "told",
    [{"error": "402::session_unknown"}, {"error": "401:c1:Unknown client"}, {"advice": {"reconnect": "handshake"}}],
)
def test_a_client_that_is_to_shake_hands_again_was_lost(told: dict[str, Any]) -> None:
    refusal = {"channel": "/meta/connect", "successful": False} | told

    assert exchange(Decoder(), asks("/meta/connect"), [refusal]) == [Refused("c1", 0, refusal, lost=True)]


def test_polls_of_two_clients_are_told_apart() -> None:
    decoder = Decoder()
    decoder.feed(request(encode(asks("/meta/connect", "c1")), number=1))
    decoder.feed(request(encode(asks("/meta/connect", "c2")), number=2))

    second = decoder.feed(response(encode([TWIN]), number=2))
    first = decoder.feed(response(encode([RECORD]), number=1))

    assert second == [event(0, TWIN, "c2", exchange=2)]
    assert first == [event(0, RECORD, "c1", exchange=1)]


def test_the_client_is_found_in_a_later_message_of_the_body() -> None:
    asked = [{"channel": "/service/x"}, {"channel": "/meta/connect", "clientId": "c1"}]

    assert exchange(Decoder(), asked, [RECORD]) == [event(0, RECORD)]


def test_a_form_is_a_bayeux_request_too() -> None:
    decoder = Decoder()
    decoder.feed(request(b"message=%5B%7B%22channel%22%3A%22%2Fmeta%2Fconnect%22%2C%22clientId%22%3A%22c1%22%7D%5D"))

    assert decoder.feed(response(encode([RECORD]))) == [event(0, RECORD)]


def test_callback_polling_carries_too() -> None:
    decoder = Decoder()
    target = f"{URL}?message=%5B%7B%22channel%22%3A%22%2Fmeta%2Fconnect%22%2C%22clientId%22%3A%22c1%22%7D%5D&jsonp=cb"
    decoder.feed(request(b"", target=target))

    assert decoder.feed(response(b"/**/cb(" + encode([RECORD]) + b");")) == [event(0, RECORD)]


# What is no Bayeux, or no answer


def test_bayeux_is_told_by_content_while_the_request_is_open() -> None:
    decoder = Decoder()
    poll = request(encode(asks("/meta/connect")), number=1)
    call = request(b'{"operationName":"GetChainedRecord"}', target=URL, number=2)
    decoder.feed(poll)
    decoder.feed(call)

    assert (decoder.carries(poll), decoder.carries(call)) == (True, False)
    assert (decoder.client_of(poll), decoder.client_of(call)) == ("c1", "")


def test_a_handshake_request_names_no_client() -> None:
    decoder = Decoder()
    asked = request(encode([{"channel": "/meta/handshake"}]))
    decoder.feed(asked)

    assert decoder.carries(asked)
    assert decoder.client_of(asked) == ""


def test_a_rest_answer_that_looks_like_bayeux_is_none() -> None:
    decoder = Decoder()
    decoder.feed(request(b'{"operationName":"GetChainedRecord"}'))

    assert decoder.feed(response(encode([RECORD]))) == []


@pytest.mark.parametrize("body", [b"", b"<html>502 Bad Gateway</html>", b"[]", b'[{"channel":"/a"},7]', b"\xff"])
def test_an_answer_that_is_no_bayeux_shows_nothing(body: bytes) -> None:
    decoder = Decoder()
    decoder.feed(request(encode(asks("/meta/connect"))))

    assert decoder.feed(response(body)) == []


def test_an_aborted_poll_shows_nothing_and_is_forgotten() -> None:
    decoder = Decoder()
    poll = request(encode(asks("/meta/connect")))
    decoder.feed(poll)

    seen = decoder.feed(Failure(11, 5, 0, "Client disconnected."))

    assert seen == []
    assert not decoder.carries(poll)


def test_an_answer_is_read_once() -> None:
    decoder = Decoder()
    exchange(decoder, asks("/meta/connect"), [RECORD])

    assert decoder.feed(response(encode([RECORD]))) == []


def test_notes_show_nothing() -> None:
    assert Decoder().feed(Note(11, 5, "close", "the capture ended cleanly")) == []


# WebSocket


def test_events_come_on_a_socket_to_the_client_that_speaks_on_it() -> None:
    decoder = Decoder()
    decoder.feed(socket(asks("/meta/connect"), from_client=True))

    assert decoder.feed(socket([RECORD, CONNECTED])) == [event(0, RECORD)]


def test_a_handshake_on_a_socket_names_its_client() -> None:
    decoder = Decoder()
    decoder.feed(socket([{"channel": "/meta/handshake"}], from_client=True, number=2))

    shaken = decoder.feed(socket([HANDSHAKEN], number=2))
    seen = decoder.feed(socket([RECORD], number=2))

    assert shaken == [Opened("c1", exchange=2, seq=11, t=5)]
    assert seen == [event(0, RECORD, exchange=2)]


def test_sockets_are_told_apart() -> None:
    decoder = Decoder()
    decoder.feed(socket(asks("/meta/connect", "c1"), from_client=True, number=1))
    decoder.feed(socket(asks("/meta/connect", "c2"), from_client=True, number=2))

    assert decoder.feed(socket([RECORD], number=1)) == [event(0, RECORD, "c1", exchange=1)]


def test_a_single_object_on_a_socket_is_a_message() -> None:
    decoder = Decoder()
    decoder.feed(socket(asks("/meta/connect")[0], from_client=True))

    assert decoder.feed(socket(RECORD)) == [event(0, RECORD)]


def test_what_a_client_sends_on_a_socket_is_no_event() -> None:
    (published,) = asked = asks(CHANNEL, data={})

    assert Decoder().feed(socket(asked, from_client=True)) == [Sent("c1", 0, 11, 0, 5, published)]


def test_a_closed_socket_forgets_its_client() -> None:
    decoder = Decoder()
    decoder.feed(socket(asks("/meta/connect"), from_client=True))
    decoder.feed(Failure(11, 5, 0, "websocket closed by client, code 1000"))

    assert decoder.feed(socket([RECORD])) == [event(0, RECORD, client="")]


@pytest.mark.parametrize("text", [b"", b"ping", b"\xff\x00", b"{}"])
def test_other_messages_on_a_socket_show_nothing(text: bytes) -> None:
    assert Decoder().feed(SocketMessage(11, 5, 0, from_client=False, body=text)) == []


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_messages_on_a_socket_are_read_in_every_wrapping(wrapping: str) -> None:
    told = SocketMessage(11, 5, 0, from_client=False, body=WRAPPINGS[wrapping](json.dumps([RECORD]).encode()))

    assert Decoder().feed(told) == [event(0, RECORD, client="")]


# Whatever comes


@given(MESSAGES, MESSAGES)
def test_malformed_messages_show_what_they_can_and_never_raise(asked: list[Message], told: list[Message]) -> None:
    seen = exchange(Decoder(), asked, told)

    carried = [message["channel"] for message in told if message["channel"] in (CHANNEL, "/")]
    shown = [found.channel for found in seen if isinstance(found, Event)]
    assert len(shown) <= len(carried)
    assert all(found.timeout < float("inf") for found in seen if isinstance(found, Advised))


@settings(max_examples=50)  # building them takes the time
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), MESSAGES), max_size=6))
def test_malformed_messages_on_sockets_never_raise(spoken: list[tuple[bool, int, list[Message]]]) -> None:
    decoder = Decoder()

    seen = [
        decoder.feed(SocketMessage(n, n, number, from_client=from_client, body=encode(messages)))
        for n, (from_client, number, messages) in enumerate(spoken)
    ]

    from_clients = (shown for shown, (from_client, _, _) in zip(seen, spoken, strict=True) if from_client)
    assert all(isinstance(one, Sent) for shown in from_clients for one in shown)


# The acknowledgement extension


def connect(acknowledged: int, client: str = "c1") -> Message:
    return {"channel": "/meta/connect", "clientId": client, "ext": {"ack": acknowledged}}


def connected(batch: int) -> Message:
    return CONNECTED | {"ext": {"ack": batch}}


def test_an_event_that_was_not_acknowledged_and_comes_again_is_seen_once() -> None:
    decoder = Decoder()

    assert exchange(decoder, [connect(0)], [RECORD, connected(1)]) == [event(0, RECORD)]
    assert exchange(decoder, [connect(0)], [RECORD, TWIN, connected(2)]) == [event(1, TWIN)]
    assert exchange(decoder, [connect(2)], [RECORD, connected(3)]) == [event(0, RECORD)]


def test_events_that_rode_on_the_handshake_reply_are_acknowledged_by_the_first_poll() -> None:
    decoder = Decoder()
    told = HANDSHAKEN | {"x-messages": 1, "ext": {"ack": {"enabled": True, "batch": 1}}}

    assert event(1, RECORD) in exchange(decoder, [{"channel": "/meta/handshake", "ext": {"ack": True}}], [told, RECORD])
    assert exchange(decoder, [connect(1)], [RECORD, connected(2)]) == [event(0, RECORD)]


def test_what_one_client_was_sent_is_new_to_another() -> None:
    decoder = Decoder()
    exchange(decoder, [connect(0)], [RECORD, connected(1)])

    assert exchange(decoder, [connect(0, "c2")], [RECORD, connected(1)]) == [event(0, RECORD, "c2")]


def test_an_event_that_comes_again_on_a_websocket_is_seen_once() -> None:
    decoder = Decoder()
    decoder.feed(socket([connect(0)], from_client=True))
    assert decoder.feed(socket([RECORD])) == [event(0, RECORD)]
    decoder.feed(socket([connected(1)]))

    decoder.feed(socket([connect(0)], from_client=True))
    assert decoder.feed(socket([RECORD])) == []
    assert decoder.feed(socket([TWIN, connected(2)])) == [event(0, TWIN)]


def test_a_client_that_left_has_nothing_to_acknowledge() -> None:
    decoder = Decoder()
    exchange(decoder, [connect(0)], [RECORD, connected(1)])
    left = {"channel": "/meta/disconnect", "clientId": "c1"}
    exchange(decoder, [left], [left | {"successful": True}])

    assert exchange(decoder, [{"channel": CHANNEL, "clientId": "c1"}], [RECORD]) == [event(0, RECORD)]
