"""An event that no operation caused leaves after its anchor happened in the live session, and never before."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bayeux.channels import matches
from recorder.correlate.anchors import Subscriptions, anchors
from recorder.library.recording import joined
from recorder.model import AnchorKind, Recording
from recorder.replay.engine.policy import Policy, Repeat
from recorder.replay.engine.timeline import INSTANT
from tests.replay import stage as replay
from tests.replay.stage import Stage
from tests.wire import Ask, Desk, Message, Wire, chained, done

SUBSCRIBE, UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"
Act: TypeAlias = tuple[str, str]  # what, and to which channel, target or reference


def note(channel: str, text: Any) -> Message:
    return {"channel": channel, "data": {"messageType": text}}


def get(target: str) -> Ask:
    return Ask(target, b"", method="GET")


class Recorded:
    """A recorded client; 0.1 s pass after each act."""

    def __init__(self, wire: Wire, name: str = "c1") -> None:
        self.wire = wire
        self.desk = Desk(wire, name, (("Cookie", f"JSESSIONID={name}"),))
        reply = {"channel": "/meta/handshake", "successful": True, "clientId": name}
        wire.respond(self.desk.bayeux({"channel": "/meta/handshake"}), [reply])
        wire.wait(0.1)

    def says(self, channel: str, **own: Any) -> None:
        exchange = self.desk.bayeux({"channel": channel, "clientId": self.desk.client_id} | own)
        self.wire.respond(exchange, [{"channel": channel, "successful": True}])
        self.wire.wait(0.1)

    def asks(self, ask: Ask) -> None:
        self.wire.ack(self.desk.post(ask))
        self.wire.wait(0.1)

    def hears(self, *events: Message) -> None:
        self.desk.hears(*events)
        self.wire.wait(0.1)

    def does(self, act: Act) -> None:
        what, name = act
        match what:
            case "subscribe":
                self.says(SUBSCRIBE, subscription=name)
            case "unsubscribe":
                self.says(UNSUBSCRIBE, subscription=name)
            case "publish":
                self.says("/say", data={"messageType": name})
            case "get":
                self.asks(get(name))
            case _:
                self.asks(chained(name, f"recorded-{name}"))
                self.hears(done(name, f"recorded-{name}", marker=name))


class Live:
    """A live client without a subscription; it looks for events when it is asked to."""

    def __init__(self, stage: Stage) -> None:
        self.desk = stage.stranger()
        number = self.desk.bayeux({"channel": "/meta/handshake"})
        self.desk.client_id = json.loads(self.desk.replies[number].body)[0]["clientId"]

    def says(self, channel: str, **own: Any) -> Message:
        number = self.desk.bayeux({"channel": channel, "clientId": self.desk.client_id} | own)
        replies: list[Message] = json.loads(self.desk.replies[number].body)
        return replies[-1]

    def does(self, act: Act) -> None:
        what, name = act
        match what:
            case "subscribe":
                self.says(SUBSCRIBE, subscription=name)
            case "unsubscribe":
                self.says(UNSUBSCRIBE, subscription=name)
            case "publish":
                self.says("/say", data={"messageType": name})
            case "get":
                self.desk.posts(get(name))
            case _:
                self.desk.posts(chained(name, f"live-{name}"))

    def looks(self) -> list[str]:
        """What came since it looked last; a poll that is answered at once."""
        self.desk.polls(advice={"timeout": 0})
        texts = [replay.name_of(event) for event in self.desk.events]
        self.desk.events.clear()
        return texts


def scene(recorded: Wire, rate: float = INSTANT) -> tuple[Stage, Live]:
    stage = Stage(recorded.recording(), rate=rate)
    return stage, Live(stage)


def test_an_event_waits_for_the_subscription_it_followed() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.hears(note("/a", "welcome"))
    stage, live = scene(wire)
    stage.wait(10)
    before = live.looks()
    live.says(SUBSCRIBE, subscription="/b")
    other = live.looks()
    live.says(SUBSCRIBE, subscription="/a")

    assert (before, other, live.looks(), live.looks()) == ([], [], ["welcome"], [])


def test_an_event_leaves_at_its_distance_from_the_subscription() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    wire.wait(0.4)
    client.hears(note("/a", "welcome"))
    stage, live = scene(wire, rate=1)
    stage.wait(3)
    live.says(SUBSCRIBE, subscription="/a")
    stage.wait(0.4)
    before = live.looks()
    stage.wait(0.2)

    assert (before, live.looks()) == ([], ["welcome"])


def test_a_client_that_subscribes_to_a_wider_pattern_hears_the_events_of_its_channels() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription=["/a", "/b/c"])
    client.hears(note("/a", "a"), note("/b/c", "c"))
    _, live = scene(wire)
    live.says(SUBSCRIBE, subscription="/b/*")
    first = live.looks()
    live.says(SUBSCRIBE, subscription="/**")

    assert (first, live.looks()) == (["c"], ["a"])


def test_subscriptions_in_one_body_count_each() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.says(SUBSCRIBE, subscription="/b")
    client.hears(note("/a", "a"), note("/b", "b"))
    _, live = scene(wire)
    live.desk.bayeux(
        *({"channel": SUBSCRIBE, "clientId": live.desk.client_id, "subscription": name} for name in ("/b", "/a"))
    )

    assert live.looks() == ["a", "b"]


def test_an_event_waits_for_the_exchange_it_followed_and_comes_once() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.asks(get("/state"))
    client.hears(note("/a", "state"))
    _, live = scene(wire)
    live.says(SUBSCRIBE, subscription="/a")
    before = live.looks()
    live.does(("get", "/state"))
    after = live.looks()
    live.does(("get", "/state"))

    assert (before, after, live.looks()) == ([], ["state"], [])


def test_what_followed_an_operation_comes_again_when_the_operation_is_played_again() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.does(("subscribe", "/**"))
    client.asks(chained(7, "recorded"))
    client.hears(done(7, "recorded", marker="end"), note("/a", "after"))
    stage = Stage(wire.recording(), policy=Policy(Repeat.CYCLE))
    live = Live(stage)
    live.says(SUBSCRIBE, subscription="/**")

    heard = []
    for reference in ("one", "two"):
        live.desk.posts(chained(7, reference))
        heard.append(len(live.looks()))

    assert heard == [2, 2]


def test_an_event_waits_for_a_subscription_even_if_its_anchor_happened() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.asks(get("/state"))
    client.hears(note("/a", "state"))
    _, live = scene(wire)
    live.does(("get", "/state"))
    before = live.looks()
    live.says(SUBSCRIBE, subscription="/a")

    assert (before, live.looks()) == ([], ["state"])


def test_the_events_of_an_operation_wait_for_the_subscription_too() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    _, live = scene(wire)
    live.does(("operation", "7"))
    before = live.looks()
    live.says(SUBSCRIBE, subscription="/**")

    assert (before, live.looks()) == ([], ["ChainedRecordsDataEnd"])


def test_what_the_recorded_client_got_without_a_subscription_needs_none() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.asks(get("/state"))
    client.hears(note("/a", "state"))
    _, live = scene(wire)
    live.does(("get", "/state"))

    assert live.looks() == ["state"]


def test_a_publish_comes_back_with_what_the_live_client_said() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/chat")
    client.says("/chat", data={"messageType": "hello", "id": "recorded-1"})
    client.hears({"channel": "/chat", "data": {"id": "recorded-1", "messageType": "hello"}})
    _, live = scene(wire)
    live.says(SUBSCRIBE, subscription="/chat")
    live.says("/chat", data={"messageType": "salut", "id": "live-1"})
    live.desk.polls(advice={"timeout": 0})

    assert live.desk.events == [{"channel": "/chat", "data": {"messageType": "salut", "id": "live-1"}}]


def test_an_answer_to_a_publish_carries_the_ids_of_the_live_one() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says("/service/ask", data={"id": "recorded-1", "n": 1})
    client.hears({"channel": "/answer", "data": {"messageType": "done", "id": "recorded-1"}})
    _, live = scene(wire)
    live.says("/service/ask", data={"id": "live-1", "n": 1})
    live.desk.polls(advice={"timeout": 0})

    assert live.desk.events == [{"channel": "/answer", "data": {"messageType": "done", "id": "live-1"}}]


def test_publishes_in_another_order_bring_their_own_events() -> None:
    wire = Wire()
    client = Recorded(wire)
    for text in ("one", "two"):
        client.says("/say", data={"messageType": text})
        client.hears(note("/answer", f"{text} done"))
    _, live = scene(wire)
    live.does(("publish", "two"))
    first = live.looks()
    live.does(("publish", "one"))

    assert (first, live.looks()) == (["two done"], ["one done"])


def test_after_the_server_lost_a_session_its_subscriptions_are_no_new_anchors() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.hears(note("/a", "first"))
    client.says(UNSUBSCRIBE, subscription="/a")
    client.says(SUBSCRIBE, subscription="/a")
    client.hears(note("/a", "second"))
    stage, live = scene(wire)
    live.says(SUBSCRIBE, subscription="/a")
    first = live.looks()
    stage.standin.forget(live.desk.client_id)
    number = live.desk.bayeux({"channel": "/meta/handshake"})
    live.desk.client_id = json.loads(live.desk.replies[number].body)[0]["clientId"]
    live.says(SUBSCRIBE, subscription="/a")
    lost = live.looks()
    live.says(UNSUBSCRIBE, subscription="/a")
    live.says(SUBSCRIBE, subscription="/a")

    assert (first, lost, live.looks()) == (["first"], [], ["second"])


def test_events_of_two_sessions_go_to_who_follows_each() -> None:
    wire = Wire()
    for name in ("c1", "c2"):
        client = Recorded(wire, name)
        client.says(SUBSCRIBE, subscription="/a")
        client.hears(note("/a", f"welcome {name}"))
        client.asks(get("/state"))
        client.hears(note("/a", f"state {name}"))
        client.does(("operation", name))
    stage = Stage(wire.recording())
    lives = [Live(stage) for _ in range(2)]
    for live in lives:
        live.says(SUBSCRIBE, subscription="/**")
        live.does(("get", "/state"))
    before = [live.looks() for live in lives]
    for live, name in zip(lives, ("c2", "c1"), strict=True):
        live.does(("operation", name))

    assert before == [[], []]
    assert [sorted(live.looks()) for live in lives] == [
        ["ChainedRecordsDataEnd", "state c2", "welcome c2"],
        ["ChainedRecordsDataEnd", "state c1", "welcome c1"],
    ]


def test_recordings_that_are_joined_keep_their_anchors_apart() -> None:
    def recorded(text: str) -> Recording:
        wire = Wire()
        client = Recorded(wire)
        client.says(SUBSCRIBE, subscription="/a")
        client.hears(note("/a", f"welcome {text}"))
        client.does(("operation", text))
        return wire.recording()

    stage = Stage(joined([recorded("one"), recorded("two")]))
    live = Live(stage)
    live.says(SUBSCRIBE, subscription="/**")
    live.does(("operation", "two"))

    assert live.looks() == ["welcome two", "ChainedRecordsDataEnd"]


def test_what_never_came_is_told_with_its_anchor() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.hears(note("/a", "welcome"))
    client.asks(get("/state"))
    client.hears(note("/a", "state"))
    stage, live = scene(wire)
    live.says(SUBSCRIBE, subscription="/a")
    live.looks()

    assert stage.standin.report()["unplayed_events"] == [
        {"event": "u2", "name": "/a", "channel": "/a", "session": "s1", "waits_for": "GET /state"}
    ]


def test_what_waits_for_a_subscription_to_the_end_is_told_apart() -> None:
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.asks(get("/state"))
    client.hears(note("/a", "state"))
    stage, live = scene(wire)
    live.does(("get", "/state"))
    live.looks()

    assert stage.standin.unplayed_events == []
    assert [(one["event"], one["waits_for"]) for one in stage.standin.unsubscribed_events] == [
        ("u1", "a subscription to /a")
    ]


def test_an_event_of_an_operation_that_waits_for_a_subscription_is_told_by_its_number() -> None:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    stage, live = scene(wire)
    live.does(("operation", "7"))

    assert stage.standin.unplayed_events == []
    assert [(one["event"], one["waits_for"]) for one in stage.standin.unsubscribed_events] == [
        ("1.1", "a subscription to /v2/me/outbound")
    ]


# Any session, any schedule

CHANNELS = st.sampled_from(["/a", "/b"])
ACTS = st.one_of(
    st.tuples(st.sampled_from(["subscribe", "unsubscribe"]), CHANNELS),
    st.tuples(st.just("get"), st.sampled_from(["/state", "/state", "/me"])),
    st.tuples(st.sampled_from(["publish", "echoed", "operation"]), st.just("")),
)
HEARD = st.sampled_from([None, "/a", "/b", "/c"])


@dataclass
class Model:
    """What a live client did, by the rules of the anchors."""

    client: Live
    session: str
    heard: list[str] = field(default_factory=list)
    done: Counter[Act] = field(default_factory=Counter)
    subscribed: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)

    def does(self, act: Act) -> None:
        what, name = act
        if (what, name in self.subscribed) not in {("subscribe", True), ("unsubscribe", False)}:
            self.done[act] += 1
        if what == "subscribe":
            self.subscribed.add(name)
            self.ever.add(name)
        elif what == "unsubscribe":
            self.subscribed.discard(name)
        self.client.does(act)


@st.composite
def sessions(draw: st.DrawFn) -> tuple[Wire, list[list[Act]]]:
    """One or two recorded clients, their acts mixed; and what each did."""
    wire = Wire()
    clients = [Recorded(wire, f"c{number}") for number in range(1, draw(st.integers(1, 2)) + 1)]
    acts: list[list[Act]] = [[] for _ in clients]
    steps = st.tuples(st.integers(0, len(clients) - 1), ACTS, HEARD)
    for number, (which, (what, name), heard) in enumerate(draw(st.lists(steps, min_size=2, max_size=10))):
        client, marker = clients[which], f"{which}-{number}"
        match what:
            case "echoed":
                client.does(("publish", marker))
                client.hears(note("/say", marker))
                acts[which].append(("publish", marker))
            case "publish" | "operation":
                client.does((what, marker))
                acts[which].append((what, marker))
            case _:
                client.does((what, name))
                acts[which].append((what, name))
        if heard is not None:
            client.hears(note(heard, f"after {marker}"))
    return wire, acts


@dataclass(frozen=True)
class Expected:
    """A recorded event: whose it is, what must happen before, and whether a subscription must be there."""

    session: str
    act: Act
    number: int
    channel: str
    covered: bool


_WORDS = {
    AnchorKind.SUBSCRIPTION: "subscribe",
    AnchorKind.UNSUBSCRIPTION: "unsubscribe",
    AnchorKind.EXCHANGE: "get",
    AnchorKind.OPERATION: "operation",
}


def expected(recording: Recording) -> dict[str, Expected]:
    """What must hold of each event, by its text."""
    subscriptions = Subscriptions(recording.messages)
    published = {one.at: one.data["messageType"] for one in recording.messages if one.kind is AnchorKind.PUBLISH}
    found: dict[str, Expected] = {}
    places: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for place, one in enumerate(recording.plain, len(recording.triples)):
        places[one.session, one.request.target].append(place)
    for pushed, anchor in zip(recording.unsolicited, anchors(recording), strict=True):
        session, name, number = str(pushed.session), anchor.name, anchor.number
        match anchor.kind:
            case AnchorKind.START:
                act = ("handshake", "")
            case AnchorKind.PUBLISH:
                act, number = ("publish", published[anchor.at]), 1
            case AnchorKind.EXCHANGE:
                name = anchor.name.removeprefix("GET ")
                act, number = ("get", name), 1 + places[pushed.session, name].index(anchor.place or 0)
            case AnchorKind.OPERATION:
                act, number = ("operation", str(recording.triples[anchor.number - 1].keys["handle"])), 1
            case kind:
                act = (_WORDS[kind], name)
        text = pushed.event.data["messageType"]
        found[text] = Expected(session, act, number, pushed.event.channel, subscriptions.covered(pushed.event))
    return found


def is_known(recording: Recording, model: Model) -> bool:
    """Whether a client has shown which recorded session it follows."""
    if len(recording.session_starts) == 1:
        return True
    owners: dict[str, set[str | None]] = defaultdict(set)
    for one in recording.plain:
        owners[one.request.target].add(one.session)
    return any(what == "operation" or (what == "get" and len(owners[name]) == 1) for what, name in model.done)


def looks(model: Model, events: dict[str, Expected]) -> None:
    """Look for events; each must be due, of the own session, and new."""
    for text in model.client.looks():
        if text == "ChainedRecordsDataEnd":
            continue
        event = events[text]
        assert text not in model.heard, "once"
        assert event.session == model.session, "to its session only"
        assert event.act[0] == "handshake" or model.done[event.act] >= event.number, "after its anchor"
        assert not event.covered or any(matches(name, event.channel) for name in model.ever), "after a subscription"
        before = [t for t in model.heard if (events[t].act, events[t].number, events[t].channel) == (
            event.act, event.number, event.channel)]  # fmt: skip
        order = list(events)
        assert all(order.index(t) < order.index(text) for t in before), "in the recorded order"
        model.heard.append(text)


@pytest.mark.once  # our own code alone, and many examples of it
@settings(deadline=None, max_examples=400)
@given(sessions(), st.data(), st.sampled_from([INSTANT, 1.0]))
def test_each_event_leaves_after_its_anchor_once_and_to_its_session(
    drawn: tuple[Wire, list[list[Act]]], data: st.DataObject, rate: float
) -> None:
    wire, acts = drawn
    recording = wire.recording()
    events = expected(recording)
    stage = Stage(recording, rate=rate)
    models = [Model(Live(stage), f"s{number}") for number, _ in enumerate(acts, 1)]
    todo = [(which, act) for which, mine in enumerate(acts) for act in mine]
    again = [(which, act) for which, act in todo if act[0] in {"get", "subscribe", "unsubscribe"}]
    for which, act in data.draw(st.permutations(todo + again)):
        if data.draw(st.integers(0, 3)):
            models[which].does(act)
        stage.wait(data.draw(st.sampled_from([0.0, 0.15])))
        if data.draw(st.booleans()):
            looks(models[which], events)
    for model in models:
        model.done["handshake", ""] += 1
        model.client.says(SUBSCRIBE, subscription="/late")
    stage.wait(100)
    for model in models:
        looks(model, events)
        mine = {text: event for text, event in events.items() if event.session == model.session}
        due = {
            text
            for text, event in mine.items()
            if is_known(recording, model)
            and model.done[event.act] >= event.number
            and (not event.covered or event.channel in model.subscribed)
        }
        assert due <= set(model.heard), "none is lost"
    heard = {text for model in models for text in model.heard}
    not_come = (*stage.standin.unplayed_events, *stage.standin.unsubscribed_events)
    told = {one["event"] for one in not_come if one["event"].startswith("u")}
    names = {text: f"u{number}" for number, text in enumerate(events, 1)}
    assert told == {names[text] for text in events if text not in heard}, "what did not come is told"


def questioned(handle: int) -> Recording:
    """An operation, a publish, a request, and the answer to the publish."""
    wire = Wire()
    client = Recorded(wire)
    client.says(SUBSCRIBE, subscription="/a")
    client.does(("operate", str(handle)))
    client.says("/service/ask", data={"id": "question-1"})
    client.asks(get("/state"))
    client.hears({"channel": "/a", "data": {"messageType": "answer", "of": "question-1"}})
    return wire.recording()


@pytest.mark.parametrize("handles", [(7,), (7, 7), (7, 8), (8, 7)])
def test_an_answer_follows_its_publish_in_several_cassettes_too(handles: tuple[int, ...]) -> None:
    live = Live(Stage(joined([questioned(handle) for handle in handles])))
    live.says(SUBSCRIBE, subscription="/a")
    live.does(("operate", "7"))
    live.looks()

    live.says("/service/ask", data={"id": "question-live"})

    assert live.looks() == ["answer"]
