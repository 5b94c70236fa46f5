"""The rules of a CometD Java server, one by one, then all at once against a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from recorder.bayeux.messages import Message, to_text
from recorder.bayeux.outbox import Queued
from recorder.bayeux.server import BayeuxServer as Server
from recorder.bayeux.session import Answer as Written

TIMEOUT = 30.0
ADVICE = {"reconnect": "retry", "interval": 0, "timeout": 30_000}
CHANNEL = "/v2/me/outbound"


def handshake(**own: Any) -> Message:
    return {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]} | own


def connect(client: str = "c1", **own: Any) -> Message:
    return {"channel": "/meta/connect", "clientId": client, "connectionType": "long-polling"} | own


def subscribe(subscription: Any, client: str = "c1", **own: Any) -> Message:
    return {"channel": "/meta/subscribe", "clientId": client, "subscription": subscription} | own


def publish(client: str = "c1", **own: Any) -> Message:
    return {"channel": "/service/x", "clientId": client, "data": {}} | own


def disconnect(client: str = "c1", **own: Any) -> Message:
    return {"channel": "/meta/disconnect", "clientId": client} | own


class Answer(NamedTuple):
    """An answer with its messages read."""

    request: int
    messages: list[Message] | None
    status: int = 200
    handshaken: str | None = None


class BayeuxServer(Server):
    """A server whose answers are read, so that they can be compared."""

    def receive(self, *args: Any, **kwargs: Any) -> list[Answer]:
        return _read(super().receive(*args, **kwargs))

    def flush(self, *args: Any, **kwargs: Any) -> list[Answer]:
        return _read(super().flush(*args, **kwargs))

    def forget(self, *args: Any, **kwargs: Any) -> list[Answer]:
        return _read(super().forget(*args, **kwargs))


def _read(answers: list[Written]) -> list[Answer]:
    return [
        Answer(a.request, None if a.texts is None else [json.loads(text) for text in a.texts], a.status, a.handshaken)
        for a in answers
    ]


def event(data: Any) -> Queued:
    return Queued(to_text({"channel": CHANNEL, "data": data}), data)


def pushed(*data: Any) -> list[Message]:
    """The events of an answer that carries these."""
    return [{"channel": CHANNEL, "data": one} for one in data]


def data_of(answer: Answer) -> list[Any]:
    return [message["data"] for message in answer.messages or [] if message["channel"] == CHANNEL]


def channels_of(answer: Answer) -> list[str]:
    return [message["channel"] for message in answer.messages or []]


@pytest.fixture
def fresh() -> BayeuxServer:
    """A server that nobody has talked to; it gives out c1, c2, c3 …"""
    ids = count(1)
    return BayeuxServer(lambda: f"c{next(ids)}", TIMEOUT)


@pytest.fixture
def server(fresh: BayeuxServer) -> BayeuxServer:
    """A server whose client c1 has had its first connect (requests -2 and -1)."""
    fresh.receive(-2, [handshake()], now=0)
    fresh.receive(-1, [connect()], now=0)
    fresh.sent(-2)
    fresh.sent(-1)
    return fresh


# Handshakes


def test_a_handshake_gives_a_client_id_and_tells_how_to_poll(fresh: BayeuxServer) -> None:
    answers = fresh.receive(1, [handshake(id="1")], now=0)

    assert answers == [
        Answer(
            1,
            [
                {
                    "id": "1",
                    "channel": "/meta/handshake",
                    "successful": True,
                    "clientId": "c1",
                    "version": "1.0",
                    "minimumVersion": "1.0",
                    "supportedConnectionTypes": ["websocket", "long-polling", "callback-polling"],
                    "advice": ADVICE,
                }
            ],
            handshaken="c1",
        )
    ]


def test_each_handshake_is_a_session_of_its_own(fresh: BayeuxServer) -> None:
    (first,) = fresh.receive(1, [handshake()], now=0)
    (second,) = fresh.receive(2, [handshake()], now=0)

    assert (first.handshaken, second.handshaken) == ("c1", "c2")


def test_a_handshake_that_names_no_transport_is_accepted(fresh: BayeuxServer) -> None:
    (answer,) = fresh.receive(1, [{"channel": "/meta/handshake"}], now=0)

    assert answer.handshaken == "c1"


@pytest.mark.parametrize("offered", [[], ["websocket"], ["iframe", "flash"]])
def test_a_client_settles_by_itself_which_transport_it_takes(fresh: BayeuxServer, offered: list[str]) -> None:
    (answer,) = fresh.receive(1, [handshake(supportedConnectionTypes=offered)], now=0)

    assert answer.handshaken == "c1"


# Unknown clients


def test_an_unknown_client_that_connects_is_told_to_shake_hands(fresh: BayeuxServer) -> None:
    answers = fresh.receive(1, [connect("c9", id="4")], now=0)

    refusal = {
        "id": "4",
        "channel": "/meta/connect",
        "successful": False,
        "error": "402::session_unknown",
        "advice": {"reconnect": "handshake", "interval": 0},
    }
    assert answers == [Answer(1, [refusal])]


@pytest.mark.parametrize(
    "message",
    [
        publish("c9"),
        subscribe("/a", "c9"),
        subscribe("/a", "c9") | {"channel": "/meta/unsubscribe"},
        disconnect("c9"),
        {"channel": "/service/x"},
        {"channel": "/service/x", "clientId": None},
        {"channel": "/service/x", "clientId": ["c1"]},
    ],
)
def test_an_unknown_client_gets_no_advice_on_anything_else(server: BayeuxServer, message: Message) -> None:
    answers = server.receive(1, [message], now=0)

    refusal = {"channel": message["channel"], "successful": False, "error": "402::session_unknown"}
    wanted = {"subscription": message["subscription"]} if "subscription" in message else {}
    assert answers == [Answer(1, [refusal | wanted])]


def test_a_client_is_unknown_after_its_disconnect(server: BayeuxServer) -> None:
    server.receive(1, [disconnect()], now=0)

    (answer,) = server.receive(2, [connect()], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["error"] == "402::session_unknown"


# Connects


def test_the_first_connect_after_a_handshake_is_answered_at_once(fresh: BayeuxServer) -> None:
    fresh.receive(1, [handshake()], now=0)

    answers = fresh.receive(2, [connect()], now=0)

    assert answers == [Answer(2, [{"channel": "/meta/connect", "successful": True}])]


def test_a_connect_over_another_transport_gets_advice(fresh: BayeuxServer) -> None:
    fresh.receive(1, [handshake()], now=0)

    answers = fresh.receive(2, [connect()], now=0, transport="websocket")

    assert answers == [Answer(2, [{"channel": "/meta/connect", "successful": True, "advice": ADVICE}])]


def test_a_connect_after_a_disconnect_in_one_body_is_told_to_stop(server: BayeuxServer) -> None:
    gone = {"channel": "/meta/disconnect", "clientId": "c1"}

    (answer,) = server.receive(1, [gone, connect()], now=0)

    assert answer.messages is not None
    assert answer.messages[1]["advice"] == {"reconnect": "none"}


@pytest.mark.parametrize("channel", ["", "a", "no/slash"])
def test_a_publish_to_what_is_no_channel_is_refused_alone(server: BayeuxServer, channel: str) -> None:
    publish = {"channel": channel, "clientId": "c1", "data": {}}

    (answer,) = server.receive(1, [publish, publish | {"channel": "/a"}], now=0)

    assert answer.messages is not None
    assert [one.get("error") for one in answer.messages] == ["405::channel_invalid", None]


@pytest.mark.parametrize("name", ["/", "//a", "/a//b", "/ä", "/a%20b", "/a b", "/a/**/b", "/*/b", "/a/b*", "/a/"])
def test_what_is_no_name_of_a_channel_cannot_be_subscribed_to(server: BayeuxServer, name: str) -> None:
    (answer,) = server.receive(1, [subscribe(name)], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["error"] == "403::subscription_invalid"


@pytest.mark.parametrize(
    "name", ["/a", "/v2/me/outbound", "/*", "/a/**", "/data/A__ChangeEvent", "/a.b/c-d~e(f)$g@h!i"]
)
def test_names_and_patterns_can_be_subscribed_to(server: BayeuxServer, name: str) -> None:
    (answer,) = server.receive(1, [subscribe(name)], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["successful"] is True


def test_the_next_connect_is_held(server: BayeuxServer) -> None:
    answers = server.receive(1, [connect()], now=100)

    assert answers == []
    assert server.is_polling("c1")
    assert server.deadline() == 130


def test_an_idle_poll_is_answered_at_its_deadline_and_not_before(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=100)

    early = server.flush(now=129.999)
    late = server.flush(now=130)

    assert early == []
    assert late == [Answer(1, [{"channel": "/meta/connect", "successful": True}])]
    assert server.deadline() is None


def test_a_poll_is_answered_once(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.flush(now=30)

    again = server.flush(now=60)

    assert again == []


def test_the_earliest_of_all_polls_sets_the_deadline(server: BayeuxServer) -> None:
    server.receive(1, [handshake()], now=0)
    server.receive(2, [connect("c2")], now=0)
    server.receive(3, [connect("c1")], now=7)
    server.receive(4, [connect("c2")], now=5)

    assert server.deadline() == 35


def test_no_poll_has_no_deadline(server: BayeuxServer) -> None:
    assert server.deadline() is None


@pytest.mark.parametrize("timeout", [0, 0.0])
def test_a_connect_that_asks_for_no_wait_is_answered_at_once(server: BayeuxServer, timeout: float) -> None:
    answers = server.receive(1, [connect(advice={"timeout": timeout})], now=0)

    assert answers == [Answer(1, [{"channel": "/meta/connect", "successful": True, "advice": ADVICE}])]


@pytest.mark.parametrize(
    ("advice", "deadline"),
    [
        ({"timeout": 1500}, 1.5),
        ({"timeout": 60_000}, 30.0),
        ({"timeout": 10**400}, 30.0),
        ({"timeout": float("inf")}, 30.0),
        ({"timeout": -1}, 30.0),
        ({"timeout": -(10**400)}, 30.0),
        ({"timeout": float("-inf")}, 30.0),
        ({"timeout": float("nan")}, 30.0),
        ({"timeout": "1500"}, 30.0),
        ({"timeout": False}, 30.0),
        ({"timeout": None}, 30.0),
        ({}, 30.0),
        (None, 30.0),
        ([], 30.0),
        ("none", 30.0),
    ],
)
def test_a_connect_is_held_as_long_as_it_asks_but_no_longer_than_the_server_does(
    server: BayeuxServer, advice: Any, deadline: float
) -> None:
    server.receive(1, [connect(advice=advice)], now=0)

    assert server.deadline() == deadline


def test_a_connect_in_a_body_of_several_messages_is_never_held(server: BayeuxServer) -> None:
    answers = server.receive(1, [connect(), subscribe("/a")], now=0)

    assert [channels_of(answer) for answer in answers] == [["/meta/connect", "/meta/subscribe"]]
    assert not server.is_polling("c1")


def test_a_second_connect_ends_the_older_one_with_an_error(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)

    answers = server.receive(2, [connect()], now=1)

    assert answers == [Answer(1, None, status=500)]
    assert server.deadline() == 31


def test_a_second_connect_in_a_batch_ends_the_older_one_too(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)

    older, newer = server.receive(2, [connect(), publish()], now=1)

    assert older == Answer(1, None, status=500)
    assert channels_of(newer) == ["/meta/connect", "/service/x"]


def test_a_connect_ended_with_an_error_takes_no_events_with_it(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c1", event("a"))

    older, newer = server.receive(2, [connect()], now=1)

    assert older == Answer(1, None, status=500)
    assert data_of(newer) == ["a"]


def test_another_client_may_poll_beside(server: BayeuxServer) -> None:
    server.receive(1, [handshake()], now=0)
    server.receive(2, [connect("c2")], now=0)
    server.receive(3, [connect("c1")], now=0)

    answers = server.receive(4, [connect("c2")], now=0)

    assert answers == []
    assert server.is_polling("c1")
    assert server.is_polling("c2")


def test_a_client_is_connected_from_its_first_connect_to_its_disconnect(fresh: BayeuxServer) -> None:
    fresh.receive(1, [handshake()], now=0)
    before = fresh.is_connected("c1")
    fresh.receive(2, [connect()], now=0)
    between = fresh.is_connected("c1")
    fresh.receive(3, [disconnect()], now=0)

    assert (before, between, fresh.is_connected("c1")) == (False, True, False)


# Events


def test_an_event_wakes_the_poll(server: BayeuxServer) -> None:
    server.receive(1, [connect(id="5")], now=0)
    server.push("c1", event("a"))

    answers = server.flush(now=1)

    assert answers == [Answer(1, [*pushed("a"), {"id": "5", "channel": "/meta/connect", "successful": True}])]


def test_events_that_come_together_leave_together_in_order(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c1", event("a"))
    server.push("c1", event("b"))

    (answer,) = server.flush(now=1)

    assert data_of(answer) == ["a", "b"]


def test_an_event_without_a_poll_waits_for_the_next(server: BayeuxServer) -> None:
    server.push("c1", event("a"))
    flushed = server.flush(now=1)

    answers = server.receive(1, [connect()], now=2)

    assert flushed == []
    assert answers == [Answer(1, [*pushed("a"), {"channel": "/meta/connect", "successful": True}])]


@pytest.mark.parametrize(
    "message", [publish(), subscribe("/a"), subscribe("/a") | {"channel": "/meta/unsubscribe"}, disconnect()]
)
def test_events_ride_in_any_reply(server: BayeuxServer, message: Message) -> None:
    server.push("c1", event("a"))

    (answer,) = server.receive(1, [message], now=0)

    assert channels_of(answer) == [CHANNEL, message["channel"]]


def test_events_that_rode_in_another_reply_leave_the_poll_held(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c1", event("a"))
    server.receive(2, [publish()], now=0)

    assert server.flush(now=1) == []
    assert server.is_polling("c1")


def test_replies_stand_behind_the_events(server: BayeuxServer) -> None:
    server.push("c1", event("a"))

    (answer,) = server.receive(1, [publish(), publish("c1")], now=0)

    assert channels_of(answer) == [CHANNEL, "/service/x", "/service/x"]


def test_a_handshake_among_other_messages_is_a_violation(server: BayeuxServer) -> None:
    answers = server.receive(1, [publish(), handshake()], now=0)

    assert answers == [Answer(1, None, 400)]


@pytest.mark.parametrize("last", [publish("c9"), disconnect(), connect("c9")])
def test_events_ride_whatever_message_ends_the_body(server: BayeuxServer, last: Message) -> None:
    server.push("c1", event("a"))

    (answer,) = server.receive(1, [publish(), last, publish()], now=0)

    assert data_of(answer) == ["a"]


def test_events_go_to_their_client_alone(server: BayeuxServer) -> None:
    server.receive(1, [handshake()], now=0)
    server.receive(2, [connect("c2")], now=0)
    server.receive(3, [connect("c1")], now=0)
    server.receive(4, [connect("c2")], now=0)
    server.push("c2", event("a"))

    answers = server.flush(now=1)

    assert [answer.request for answer in answers] == [4]
    assert server.is_polling("c1")


def test_an_event_for_nobody_is_dropped(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c9", event("a"))

    assert server.flush(now=1) == []


def test_events_are_handed_back_when_they_are_delivered_and_when_they_come_back(server: BayeuxServer) -> None:
    server.push("c1", event("a"))

    (answer,) = Server.receive(server, 1, [connect()], now=0)
    came_back = server.abort(1)

    assert [queued.owner for queued in answer.delivered] == ["a"]
    assert [queued.owner for queued in came_back] == ["a"]


# Answers that did not arrive


def test_a_poll_given_up_before_its_answer_loses_nothing(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c1", event("a"))
    server.abort(1)
    flushed = server.flush(now=60)

    (answer,) = server.receive(2, [connect()], now=61)

    assert flushed == []
    assert data_of(answer) == ["a"]


def test_a_poll_given_up_is_no_longer_held(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.abort(1)

    assert not server.is_polling("c1")
    assert server.deadline() is None
    assert server.receive(2, [connect()], now=1) == []


def test_events_of_an_unsent_answer_go_back_to_the_head_in_order(server: BayeuxServer) -> None:
    server.push("c1", event("a"))
    server.push("c1", event("b"))
    server.receive(1, [connect()], now=0)
    server.push("c1", event("c"))
    server.abort(1)

    (answer,) = server.receive(2, [connect()], now=0)

    assert data_of(answer) == ["a", "b", "c"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_events_of_two_unsent_answers_keep_their_order_whichever_fails_first(
    server: BayeuxServer, order: Sequence[int]
) -> None:
    server.push("c1", event("a"))
    server.receive(1, [connect()], now=0)
    server.push("c1", event("b"))
    server.receive(2, [publish()], now=0)
    server.abort(order[0])
    server.abort(order[1])

    (answer,) = server.receive(3, [connect()], now=0)

    assert data_of(answer) == ["a", "b"]


def test_events_come_back_to_a_poll_that_is_held_meanwhile(server: BayeuxServer) -> None:
    server.push("c1", event("a"))
    server.receive(1, [publish()], now=0)
    server.receive(2, [connect()], now=0)
    server.abort(1)

    (answer,) = server.flush(now=1)

    assert (answer.request, data_of(answer)) == (2, ["a"])


def test_a_sent_answer_can_no_longer_be_given_up(server: BayeuxServer) -> None:
    server.push("c1", event("a"))
    server.receive(1, [connect()], now=0)
    server.sent(1)
    server.abort(1)

    assert server.receive(2, [connect()], now=0) == []


def test_an_answer_is_given_up_once(server: BayeuxServer) -> None:
    server.push("c1", event("a"))
    server.receive(1, [connect()], now=0)
    server.abort(1)
    server.abort(1)

    (answer,) = server.receive(2, [connect()], now=0)

    assert data_of(answer) == ["a"]


def test_requests_it_never_saw_are_nothing_to_give_up(server: BayeuxServer) -> None:
    server.abort(99)
    server.sent(99)

    assert server.flush(now=0) == []


# Disconnects


def test_a_disconnect_wakes_the_poll_and_is_answered_after_it(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)

    answers = server.receive(2, [disconnect(id="9")], now=1)

    assert answers == [
        Answer(1, [{"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "none"}}]),
        Answer(2, [{"id": "9", "channel": "/meta/disconnect", "successful": True}]),
    ]


def test_the_poll_that_a_disconnect_wakes_carries_the_last_events(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.push("c1", event("a"))

    poll, last = server.receive(2, [disconnect()], now=1)

    assert (data_of(poll), data_of(last)) == (["a"], [])


def test_a_poll_that_asked_for_advice_is_told_not_to_come_back(server: BayeuxServer) -> None:
    server.receive(1, [connect(advice={"timeout": 5000})], now=0)

    poll, _ = server.receive(2, [disconnect()], now=1)

    assert poll.messages is not None
    assert poll.messages[0]["advice"] == ADVICE | {"reconnect": "none"}


def test_nothing_is_left_of_a_client_after_its_disconnect(server: BayeuxServer) -> None:
    server.receive(1, [connect()], now=0)
    server.receive(2, [subscribe("/a")], now=0)
    server.receive(3, [disconnect()], now=1)
    server.push("c1", event("a"))

    assert server.flush(now=60) == []
    assert server.deadline() is None
    assert server.subscriptions("c1") == frozenset()
    assert not server.is_polling("c1")


# Ids


@pytest.mark.parametrize("message", [connect(), subscribe("/a"), publish(), disconnect(), handshake(), connect("c9")])
@pytest.mark.parametrize("number", ["7", "", 7])
def test_an_id_is_echoed_as_it_came(server: BayeuxServer, message: Message, number: Any) -> None:
    (answer,) = server.receive(1, [message | {"id": number, "advice": {"timeout": 0}}], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["id"] == number


@pytest.mark.parametrize("message", [connect(), subscribe("/a"), publish(), disconnect(), handshake(), connect("c9")])
def test_no_id_is_made_up(server: BayeuxServer, message: Message) -> None:
    (answer,) = server.receive(1, [message | {"advice": {"timeout": 0}}], now=0)

    assert answer.messages is not None
    assert "id" not in answer.messages[0]


def test_replies_to_a_session_do_not_name_the_client(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [connect(), subscribe("/a"), publish(), disconnect()], now=0)

    assert answer.messages is not None
    assert not any("clientId" in message for message in answer.messages)


# Subscriptions


def test_a_subscription_is_confirmed_and_kept(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [subscribe("/v2/me/*")], now=0)

    assert answer.messages == [{"channel": "/meta/subscribe", "successful": True, "subscription": "/v2/me/*"}]
    assert server.subscriptions("c1") == {"/v2/me/*"}


def test_several_subscriptions_come_in_an_array_and_are_confirmed_as_one(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [subscribe(["/a", "/b"])], now=0)

    assert answer.messages == [{"channel": "/meta/subscribe", "successful": True, "subscription": ["/a", "/b"]}]
    assert server.subscriptions("c1") == {"/a", "/b"}


def test_an_unsubscription_takes_away_what_it_names(server: BayeuxServer) -> None:
    server.receive(1, [subscribe(["/a", "/b", "/c"])], now=0)

    (answer,) = server.receive(2, [subscribe(["/a", "/c", "/d"]) | {"channel": "/meta/unsubscribe"}], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["successful"]
    assert server.subscriptions("c1") == {"/b"}


@pytest.mark.parametrize("wanted", ["/meta/connect", "/meta/*", "/meta/**", ["/a", "/meta/connect"]])
def test_nobody_may_listen_to_meta_channels(server: BayeuxServer, wanted: Any) -> None:
    (answer,) = server.receive(1, [subscribe(wanted)], now=0)

    what = "create_denied" if "*" in wanted else "subscribe_denied"
    refusal = {
        "channel": "/meta/subscribe",
        "successful": False,
        "error": f"403:denied_by_security_policy:{what}",
    }
    assert answer.messages == [refusal | {"subscription": wanted}]
    assert server.subscriptions("c1") == frozenset()


@pytest.mark.parametrize("wanted", ["", "no slash", 7, [], [None], ["/a", 7], ["/a", ["/b"]], {}, True])
def test_a_subscription_to_what_is_no_channel_is_refused(server: BayeuxServer, wanted: Any) -> None:
    (answer,) = server.receive(1, [subscribe(wanted)], now=0)

    refusal = {"channel": "/meta/subscribe", "successful": False, "error": "403::subscription_invalid"}
    assert answer.messages == [refusal | {"subscription": wanted}]
    assert server.subscriptions("c1") == frozenset()


def test_a_subscription_to_nothing_is_refused(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [subscribe(None)], now=0)

    refusal = {"channel": "/meta/subscribe", "successful": False, "error": "403::subscription_missing"}
    assert answer.messages == [refusal]
    assert server.subscriptions("c1") == frozenset()


def test_an_unknown_meta_channel_is_refused(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [publish() | {"channel": "/meta/nonsense"}], now=0)

    refusal = {
        "channel": "/meta/nonsense",
        "successful": False,
        "error": "403:denied_by_security_policy:channel_create_denied",
    }
    assert answer.messages == [refusal]


def test_a_publish_is_confirmed_on_its_channel(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [publish(id="3")], now=0)

    assert answer.messages == [{"id": "3", "channel": "/service/x", "successful": True}]


# Clients that confirm what they get


def confirming(fresh: BayeuxServer) -> BayeuxServer:
    """A server whose client c1 asked for acknowledgement and got batch 1, which was empty."""
    fresh.receive(-2, [handshake(ext={"ack": True})], now=0)
    fresh.receive(-1, [connect(ext={"ack": -1})], now=0)
    return fresh


def ack_of(answer: Answer) -> Any:
    assert answer.messages is not None
    return answer.messages[-1]["ext"]["ack"]


def test_acknowledgement_is_promised_to_who_asks_for_it(fresh: BayeuxServer) -> None:
    (answer,) = fresh.receive(1, [handshake(ext={"ack": True})], now=0)

    assert answer.messages is not None
    assert answer.messages[0]["ext"] == {"ack": True}


@pytest.mark.parametrize("ext", [None, [], {}, {"ack": False}, {"ack": None}, {"ack": 1}, {"ack": "true"}])
def test_acknowledgement_is_promised_to_nobody_else(fresh: BayeuxServer, ext: Any) -> None:
    (answer,) = fresh.receive(1, [handshake(ext=ext)], now=0)

    assert answer.messages is not None
    assert "ext" not in answer.messages[0]


def test_each_connect_delivers_a_batch(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.receive(1, [connect(ext={"ack": 1})], now=0)
    server.push("c1", event("a"))

    (answer,) = server.flush(now=0)

    assert (data_of(answer), ack_of(answer)) == (["a"], 2)


def test_what_was_confirmed_never_comes_again(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.push("c1", event("a"))
    server.receive(1, [connect(ext={"ack": 1})], now=0)

    held = server.receive(2, [connect(ext={"ack": 2})], now=0)

    assert held == []
    assert data_of(server.flush(now=30)[0]) == []


def test_what_was_not_confirmed_comes_again_at_once_before_what_is_new(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.push("c1", event("a"))
    server.receive(1, [connect(ext={"ack": 1})], now=0)
    server.push("c1", event("b"))

    (answer,) = server.receive(2, [connect(ext={"ack": 1})], now=0)

    assert (data_of(answer), ack_of(answer)) == (["a", "b"], 3)


def test_a_batch_confirms_those_before_it(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    for number, data in enumerate("abc"):
        server.push("c1", event(data))
        server.receive(number, [connect(ext={"ack": 1})], now=0)

    (answer,) = server.receive(9, [connect(ext={"ack": 3}, advice={"timeout": 0})], now=0)

    assert data_of(answer) == ["c"]


def test_a_client_that_confirms_gets_events_with_its_connect_alone(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.push("c1", event("a"))

    (answer,) = server.receive(1, [publish()], now=0)
    (later,) = server.receive(2, [publish(), connect(ext={"ack": 1})], now=0)

    assert (data_of(answer), data_of(later)) == ([], ["a"])


def test_an_answer_that_was_lost_is_for_the_client_to_tell(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.push("c1", event("a"))
    server.receive(1, [connect(ext={"ack": 1})], now=0)
    server.abort(1)

    held = server.receive(2, [connect(ext={"ack": 2})], now=0)

    assert held == []


def test_a_client_whose_session_was_lost_gets_again_what_it_did_not_confirm(fresh: BayeuxServer) -> None:
    server = confirming(fresh)
    server.push("c1", event("a"))
    server.receive(1, [connect(ext={"ack": 1})], now=0)
    server.push("c1", event("b"))
    server.receive(2, [connect(ext={"ack": 2})], now=0)
    server.push("c1", event("c"))
    server.forget("c1")
    server.receive(3, [connect(ext={"ack": 2})], now=0)
    server.receive(4, [handshake(ext={"ack": True})], now=0)
    server.succeed("c1", "c2")

    (answer,) = server.receive(5, [connect("c2", ext={"ack": -1})], now=0)

    assert data_of(answer) == ["b", "c"]


# Clients that ask for the time


def test_the_time_is_told_with_a_held_poll_too(fresh: BayeuxServer) -> None:
    server = BayeuxServer(lambda: "c1", TIMEOUT, epoch=1000.0)
    server.receive(1, [handshake()], now=0)
    server.receive(2, [connect()], now=0)
    server.receive(3, [connect(ext={"timesync": {"tc": 7, "l": 0, "o": 0}})], now=5)

    (answer,) = server.flush(now=35)

    assert answer.messages is not None
    assert answer.messages[0]["ext"]["timesync"] == {"tc": 7, "ts": 1_005_000, "p": 30_000, "a": 7 - 1_005_000}


def test_the_activity_extension_has_nothing_to_answer(server: BayeuxServer) -> None:
    (answer,) = server.receive(1, [publish(ext={"activity": True})], now=0)

    assert answer.messages == [{"channel": "/service/x", "successful": True}]


# Callback polling


def test_a_script_gets_events_with_its_connect_alone(fresh: BayeuxServer) -> None:
    fresh.receive(1, [handshake(supportedConnectionTypes=["callback-polling"])], now=0, transport="callback-polling")
    fresh.push("c1", event("a"))

    (answer,) = fresh.receive(2, [publish()], now=0, transport="callback-polling")
    (later,) = fresh.receive(3, [connect()], now=0, transport="callback-polling")

    assert (data_of(answer), data_of(later)) == ([], ["a"])


# Several sessions of one browser


@pytest.fixture
def windows(server: BayeuxServer) -> BayeuxServer:
    """Clients c1 and c2 of one browser; c1 is held (request 1)."""
    server.receive(-4, [handshake()], now=0)
    server.receive(-3, [connect("c2")], now=0)
    server.belongs_to("c1", "b")
    server.belongs_to("c2", "b")
    server.receive(1, [connect("c1")], now=0)
    return server


def test_the_second_session_of_a_browser_is_told_to_wait_and_come_back(windows: BayeuxServer) -> None:
    (answer,) = windows.receive(2, [connect("c2")], now=0)

    advice = {"multiple-clients": True, "reconnect": "retry", "interval": 2000}
    assert answer.messages == [{"channel": "/meta/connect", "successful": True, "advice": advice}]
    assert windows.is_polling("c2")


def test_it_is_held_when_the_other_one_is_not(windows: BayeuxServer) -> None:
    windows.abort(1)

    assert windows.receive(2, [connect("c2")], now=0) == []


def test_a_socket_takes_no_connection_from_another_session(windows: BayeuxServer) -> None:
    assert windows.receive(2, [connect("c2")], now=0, transport="websocket") == []


def test_sessions_of_other_browsers_are_held_beside_each_other(windows: BayeuxServer) -> None:
    windows.belongs_to("c2", "another")

    assert windows.receive(2, [connect("c2")], now=0) == []


# All at once, against a model


CLIENTS = st.sampled_from(["c1", "c1", "c1", "c2"])  # mostly one of them, so that much happens to it


class Conversation(RuleBasedStateMachine):
    """Two clients that push, poll, publish, give up and disconnect in any order.

    The model: a client has events that wait, answers on their way with the events they carry, and at most one held
    poll. An answer takes all that waits, in the order of the pushes; one that is given up brings its own back.
    """

    @initialize()
    def begin(self) -> None:
        ids = count(1)
        self.server = BayeuxServer(lambda: f"c{next(ids)}", TIMEOUT)
        self.now = 0.0
        self.requests = count(1)
        self.numbers = count(1)
        self.waiting: dict[str, list[int]] = {}
        self.held: dict[str, tuple[int, float]] = {}  # client → request and when it ends
        self.flying: dict[int, tuple[str, list[int]]] = {}  # answers that have not arrived, with what they carry
        self.delivered: dict[str, list[int]] = {"c1": [], "c2": []}
        for client in ("c1", "c2"):
            self.server.receive(next(self.requests), [handshake()], self.now)
            self.waiting[client] = []
            self._expect(
                self.server.receive(number := next(self.requests), [connect(client)], self.now), number, client
            )

    @rule(client=CLIENTS)
    def push(self, client: str) -> None:
        number = next(self.numbers)
        self.server.push(client, event(number))
        if client in self.waiting:
            self.waiting[client].append(number)

    @rule(client=CLIENTS)
    def poll(self, client: str) -> None:
        request = next(self.requests)
        answers = self.server.receive(request, [connect(client)], self.now)
        older = self.held.pop(client, None)
        if older is not None:
            assert answers.pop(0) == Answer(older[0], None, 500)
        if client in self.waiting and not self.waiting[client]:
            assert answers == []
            self.held[client] = (request, self.now + TIMEOUT)
        else:
            self._expect(answers, request, client)

    @rule(client=CLIENTS, batch=st.lists(st.sampled_from([publish, connect]), min_size=2, max_size=3))
    def send_a_batch(self, client: str, batch: list[Callable[[str], Message]]) -> None:
        request = next(self.requests)
        answers = self.server.receive(request, [make(client) for make in batch], self.now)
        if connect in batch and client in self.held:
            assert answers.pop(0) == Answer(self.held.pop(client)[0], None, 500)
        self._expect(answers, request, client)

    @rule(client=CLIENTS)
    def publish(self, client: str) -> None:
        request = next(self.requests)
        self._expect(self.server.receive(request, [publish(client)], self.now), request, client)

    @rule()
    def flush(self) -> None:
        answers = {answer.request: answer for answer in self.server.flush(self.now)}
        due = {c: r for c, (r, until) in self.held.items() if self.waiting[c] or self.now >= until}
        assert answers.keys() == set(due.values())
        for client, request in due.items():
            del self.held[client]
            self._expect([answers[request]], request, client)

    @rule(seconds=st.sampled_from([0.5, 10.0, 29.5, 31.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def an_answer_arrives(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(sorted(self.flying)))
        self.server.sent(request)
        client, events = self.flying.pop(request)
        self.delivered[client] += events

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def an_answer_is_given_up(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(sorted(self.flying)))
        self.server.abort(request)
        client, events = self.flying.pop(request)
        if client in self.waiting:
            self.waiting[client] = sorted(events + self.waiting[client])

    @rule(client=CLIENTS, data=st.data())
    def all_connections_of_a_client_break(self, client: str, data: st.DataObject) -> None:
        mine = [request for request, (owner, _) in self.flying.items() if owner == client]
        for request in data.draw(st.permutations(mine)):
            self.server.abort(request)
            _, events = self.flying.pop(request)
            if client in self.waiting:
                self.waiting[client] = sorted(events + self.waiting[client])
        if client in self.held:
            self.server.abort(self.held.pop(client)[0])

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_poll_is_given_up(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(sorted(self.held)))
        request, _ = self.held.pop(client)
        self.server.abort(request)

    @rule()
    def the_second_client_leaves(self) -> None:
        request = next(self.requests)
        answers = self.server.receive(request, [disconnect("c2")], self.now)
        if "c2" in self.held:
            self._expect([answers.pop(0)], self.held.pop("c2")[0], "c2")
        self._expect(answers, request, "c2")
        self.waiting.pop("c2", None)

    @invariant()
    def the_deadline_is_that_of_the_oldest_poll(self) -> None:
        assert self.server.deadline() == min((until for _, until in self.held.values()), default=None)

    @invariant()
    def only_held_polls_are_polling(self) -> None:
        assert [self.server.is_polling(c) for c in ("c1", "c2")] == [c in self.held for c in ("c1", "c2")]

    @invariant()
    def nothing_arrives_twice(self) -> None:
        assert all(len(set(numbers)) == len(numbers) for numbers in self.delivered.values())

    def teardown(self) -> None:
        """Let every answer arrive and poll once more: then nothing may be missing that was pushed to c1."""
        if not hasattr(self, "server"):
            return
        for request in list(self.flying):
            self.server.sent(request)
        (last,) = self.server.receive(next(self.requests), [publish("c1")], self.now)
        flying = [number for client, numbers in self.flying.values() if client == "c1" for number in numbers]
        assert data_of(last) == self.waiting["c1"]
        assert not set(data_of(last)) & {*self.delivered["c1"], *flying}

    def _expect(self, answers: list[Answer], request: int, client: str) -> None:
        (answer,) = answers
        assert answer.request == request
        if client not in self.waiting:
            assert all(not message["successful"] for message in answer.messages or [])
            return
        assert data_of(answer) == self.waiting[client]
        self.flying[request] = (client, self.waiting[client])
        self.waiting[client] = []


Conversation.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestConversation = pytest.mark.once(Conversation.TestCase)  # our own code alone, and many examples of it
