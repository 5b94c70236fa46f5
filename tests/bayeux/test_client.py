"""The client's session, rule by rule, then against a server that loses answers and sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recorder.bayeux.client import WEBSOCKET, Back, BayeuxClient, Lost, Over, State
from recorder.bayeux.messages import Message
from recorder.bayeux.server import BayeuxServer

SHAKE: Message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}


def ok(message: Message, **more: Any) -> Message:
    return {"channel": message["channel"], "id": message["id"], "successful": True} | more


def no(message: Message, error: str = "402::session_unknown", **more: Any) -> Message:
    return ok(message, successful=False, error=error, **more)


def connected(**options: Any) -> BayeuxClient:
    client = BayeuxClient(**options)
    shaken = client.open(SHAKE)
    assert client.receive([ok(shaken, clientId="c1", advice={"timeout": 20_000})], 0.0) == []
    return client


def polled(client: BayeuxClient, now: float) -> Message:
    """Return the poll that is due."""
    (poll,) = client.due(now)
    return poll


def test_the_first_poll_is_answered_at_once_and_the_next_one_held() -> None:
    client = connected()

    first = polled(client, 0.0)
    client.receive([ok(first)], 0.1)
    second = polled(client, 0.1)

    assert first == {
        "id": "2",
        "channel": "/meta/connect",
        "clientId": "c1",
        "connectionType": "long-polling",
        "advice": {"timeout": 0},
    }
    assert "advice" not in second
    assert second["id"] == "3"


def test_nothing_is_due_while_a_poll_is_on_its_way() -> None:
    client = connected()
    polled(client, 0.0)

    assert (client.due(1e9), client.deadline(), client.is_asking) == ([], None, True)


def test_a_refused_handshake_can_be_made_again() -> None:
    client = BayeuxClient()
    shaken = client.open(SHAKE)

    client.receive([no(shaken, "403::denied")], 0.0)

    assert (client.state, client.due(9.0)) == (State.NEW, [])
    assert client.open(SHAKE)["id"] == "2"


def test_the_transport_is_told_and_offered() -> None:
    client = BayeuxClient()

    shaken = client.open(SHAKE, WEBSOCKET, also=(WEBSOCKET,))
    client.receive([ok(shaken, clientId="c1")], 0.0)

    assert shaken["supportedConnectionTypes"] == ["long-polling", "websocket"]
    assert polled(client, 0.0)["connectionType"] == "websocket"


def test_an_interval_is_waited_for() -> None:
    client = connected()
    poll = polled(client, 0.0)

    client.receive([ok(poll, advice={"interval": 1500})], 10.0)

    assert client.deadline() == 11.5
    assert client.due(11.4) == []
    assert client.due(11.5) != []


def test_a_lost_poll_is_made_again_and_answered_at_once() -> None:
    client = connected()
    client.receive([ok(polled(client, 0.0))], 0.0)
    polled(client, 0.0)

    lost = client.failed("the line was cut", 5.0)
    again = polled(client, 6.0)
    back = client.receive([ok(again)], 6.0)

    assert lost == [Lost("no answer to /meta/connect: the line was cut; it is asked again")]
    assert again["advice"] == {"timeout": 0}
    assert back == [Back()]


def test_a_session_that_is_lost_is_lost_once() -> None:
    client = connected()
    polled(client, 0.0)

    found = client.failed("cut", 1.0)
    polled(client, 2.0)

    assert len(found) == 1
    assert client.failed("cut", 3.0) == []


def test_a_closed_websocket_is_a_lost_one_also_between_two_polls() -> None:
    client = connected()
    client.receive([ok(polled(client, 0.0), advice={"interval": 5000})], 0.0)

    assert client.broke("the WebSocket was closed", 1.0) == [Lost("the WebSocket was closed; it is opened again")]
    assert client.receive([ok(polled(client, 9.0))], 9.0) == [Back()]


def test_an_unknown_session_is_begun_again_with_its_subscriptions() -> None:
    client = connected()
    wanted = {"channel": "/meta/subscribe", "subscription": "/a", "ext": {"replay": -1}}
    client.receive([ok(client.say(wanted, 0.0), subscription="/a")], 0.0)

    lost = client.receive([no(polled(client, 0.0), advice={"reconnect": "handshake"})], 1.0)
    shaken = polled(client, 1.0)
    client.receive([ok(shaken, clientId="c2")], 1.0)
    poll, again = client.due(1.0)

    assert [type(one) for one in lost] == [Lost]
    assert shaken["channel"] == "/meta/handshake"
    assert (poll["clientId"], poll["advice"]) == ("c2", {"timeout": 0})
    assert again == wanted | {"clientId": "c2", "id": again["id"]}
    assert client.receive([ok(poll), ok(again, subscription="/a")], 2.0) == [Back()]
    assert len(client.due(2.0)) == 1


def test_what_was_unsubscribed_or_refused_is_not_subscribed_again() -> None:
    client = connected()
    for name, successful in (("/a", True), ("/b", True), ("/c", False)):
        said = client.say({"channel": "/meta/subscribe", "subscription": name}, 0.0)
        client.receive([ok(said, subscription=name, successful=successful)], 0.0)
    left = client.say({"channel": "/meta/unsubscribe", "subscription": "/b"}, 0.0)
    client.receive([ok(left, subscription="/b")], 0.0)

    client.receive([no(polled(client, 0.0))], 0.0)
    client.receive([ok(polled(client, 0.0), clientId="c2")], 0.0)

    assert [one.get("subscription") for one in client.due(0.0)] == [None, "/a"]


def test_a_subscription_of_a_session_that_is_lost_again_is_made_again() -> None:
    client = connected()
    said = client.say({"channel": "/meta/subscribe", "subscription": "/a"}, 0.0)
    client.receive([ok(said, subscription="/a")], 0.0)
    client.receive([no(polled(client, 0.0))], 0.0)
    client.receive([ok(polled(client, 0.0), clientId="c2")], 0.0)

    poll, again = client.due(0.0)
    client.receive([no(poll), no(again, subscription="/a")], 0.0)
    client.receive([ok(polled(client, 0.0), clientId="c3")], 0.0)

    assert [one.get("subscription") for one in client.due(0.0)] == [None, "/a"]


def test_a_server_that_wants_no_more_of_a_client_is_left_alone() -> None:
    client = connected()

    found = client.receive([no(polled(client, 0.0), "403::no", advice={"reconnect": "none"})], 0.0)

    assert [type(one) for one in found] == [Over]
    assert (client.deadline(), client.due(1e9)) == (None, [])


def test_a_client_that_leaves_polls_no_more() -> None:
    client = connected()
    poll = polled(client, 0.0)
    client.say({"channel": "/meta/disconnect"}, 0.0)

    assert client.receive([no(poll, advice={"reconnect": "handshake"})], 0.0) == []
    assert (client.state, client.deadline()) == (State.LEAVING, None)


def test_a_reply_without_an_id_is_taken_and_one_of_another_is_not() -> None:
    client = connected()
    poll = polled(client, 0.0)

    client.receive([ok(poll) | {"id": "99"}], 0.0)
    still = client.is_asking
    client.receive([{"channel": "/meta/connect", "successful": True}], 0.0)

    assert (still, client.is_asking) == (True, False)


def test_batches_are_confirmed_and_begin_anew_with_a_session() -> None:
    client = connected(acknowledges=True)

    first = polled(client, 0.0)
    client.receive([ok(first, ext={"ack": 7})], 0.0)
    second = polled(client, 0.0)

    assert (first["ext"], second["ext"]) == ({"ack": -1}, {"ack": 7})


def test_a_clock_is_told_and_learned() -> None:
    client = BayeuxClient(epoch=1000.0)
    shaken = client.open(SHAKE | {"ext": {"timesync": {"tc": 1, "l": 9, "o": 9}, "token": "t"}})
    # it took 40 ms to get there and back; the server's clock is 500 ms ahead
    told = {"timesync": {"tc": 1_000_000, "ts": 1_000_520, "p": 0}}

    client.receive([ok(shaken, clientId="c1", ext=told)], 0.04)

    assert polled(client, 1.0)["ext"] == {"timesync": {"tc": 1_001_000, "l": 20, "o": 500}}
    assert shaken["ext"]["token"] == "t"


def test_a_poll_is_waited_for_longer_than_the_server_holds_it() -> None:
    client = connected()

    assert client.limit == 24.0
    client.receive([ok(polled(client, 0.0), advice={"timeout": "x"})], 0.0)
    assert client.limit == 120.0


def test_a_loop_of_polls_slows_down() -> None:
    client, now = connected(), 0.0
    for _ in range(50):
        now = max(now, client.deadline() or 0.0)
        client.receive([ok(polled(client, now))], now)

    assert now > 10.0


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_CHANNELS = st.sampled_from(
    ["/meta/connect", "/meta/handshake", "/meta/subscribe", "/meta/disconnect", "/a", "/meta/x"]
)
_MEMBERS = st.sampled_from(["id", "successful", "advice", "ext", "clientId", "error", "subscription"])
_ADVICE = st.fixed_dictionaries({"reconnect": st.sampled_from(["none", "retry", "handshake"]) | _JSON})
_ANY = st.builds(
    lambda channel, members, advice: members | {"channel": channel} | ({"advice": advice} if advice else {}),
    _CHANNELS,
    st.dictionaries(_MEMBERS, _JSON | st.just("2") | st.just(value=True), max_size=5),
    st.none() | _ADVICE,
)


@given(st.lists(st.lists(_ANY, max_size=3), max_size=6), st.booleans())
def test_no_message_does_harm(answers: list[list[Message]], is_synced: bool) -> None:
    client = BayeuxClient(acknowledges=True)
    client.open(SHAKE | ({"ext": {"timesync": {}}} if is_synced else {}))
    now = 0.0
    for messages in answers:
        before = repr(messages)
        client.receive(messages, now)
        assert repr(messages) == before
        now = max(now, client.deadline() or 0.0)
        assert len([one for one in client.due(now) if one["channel"] != "/meta/subscribe"]) <= 1
        assert now <= 3600.0 * len(answers)


class AgainstAServer(RuleBasedStateMachine):
    """A client on a line to the server of the stand-in; answers are lost, and the server forgets its sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.count = 0.0, 0
        self.server = BayeuxServer(self._name, 10.0)
        self.client = BayeuxClient()
        self.ids: list[str] = []
        self.answers: dict[int, list[Message]] = {}
        self.open: int | None = None  # the request of the poll or handshake that waits
        self.wanted: set[str] = set()
        self._send([self.client.open(SHAKE)], self._deliver)

    def _name(self) -> str:
        self.count += 1
        return f"c{self.count}"

    def _send(self, payload: list[Message], take: Callable[[int], None] | None = None) -> int:
        number = len(self.ids)
        self.ids += [message["id"] for message in payload]
        self._collect(self.server.receive(number, payload, self.now))
        if take is not None:
            take(number)
        return number

    def _collect(self, answers: list[Any]) -> None:
        for answer in answers:
            self.answers[answer.request] = [json.loads(text) for text in answer.texts or ()]

    def _deliver(self, number: int) -> None:
        self.client.receive(self.answers.pop(number), self.now)

    @rule(name=st.sampled_from(["/a", "/b", "/c/*"]))
    @precondition(lambda self: self.client.state is State.CONNECTED)
    def subscribe(self, name: str) -> None:
        said = self.client.say({"channel": "/meta/subscribe", "subscription": name}, self.now)
        number = self._send([said])
        if self.answers[number][0]["successful"]:
            self.wanted.add(name)
        self._deliver(number)

    @rule()
    @precondition(lambda self: self.open is None and self.client.deadline() is not None)
    def ask(self) -> None:
        self.now = max(self.now, self.client.deadline() or 0.0)
        self.open = self._send(self.client.due(self.now))

    @rule()
    @precondition(lambda self: self.open in self.answers)
    def hear(self) -> None:
        self._deliver(self.open or 0)
        self.open = None

    @rule()
    @precondition(lambda self: self.open is not None and self.open not in self.answers)
    def time_passes(self) -> None:
        self.now = self.server.deadline() or self.now
        self._collect(self.server.flush(self.now))

    @rule()
    @precondition(lambda self: self.open is not None)
    def lose(self) -> None:
        self.answers.pop(self.open or 0, None)
        self.client.failed("cut", self.now)
        self.open = None

    @rule()
    def forget(self) -> None:
        self.server = BayeuxServer(self._name, 10.0)
        if self.open is not None and self.open not in self.answers:
            self.lose()

    @invariant()
    def ids_are_never_used_again(self) -> None:
        assert len(set(self.ids)) == len(self.ids)

    @invariant()
    def a_session_that_is_kept_goes_on(self) -> None:
        assert self.client.state in (State.CONNECTED, State.LOST)
        assert self.client.is_asking is (self.open is not None)
        assert self.client.is_asking or self.client.deadline() is not None

    def teardown(self) -> None:
        """Whatever was lost: with a server that answers, the client is back with all its subscriptions."""
        for _ in range(8):
            if self.open is None:
                self.ask()
            while self.open not in self.answers:
                self.time_passes()
            self.hear()
        assert self.client.state is State.CONNECTED
        assert self.server.subscriptions(self.client.client_id or "") >= self.wanted


AgainstAServer.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAgainstAServer = AgainstAServer.TestCase
