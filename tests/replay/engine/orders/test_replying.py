"""Events in the answers to subscriptions and publishes."""

from __future__ import annotations

import json

import pytest

from recorder.bayeux.channels import HANDSHAKE
from recorder.bayeux.replies import beside
from recorder.dialect.definition import load
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule
from tests.answers import DIALECT, publish
from tests.answers import recorded as publishes
from tests.replay.engine.orders.test_disturbing import EVENTS, RECORDED, Confirming, events, stage_of
from tests.replay.engine.orders.test_player import Scheduled
from tests.replay.engine.test_anchors import SUBSCRIBE, Recorded, note
from tests.replay.stage import Desk, Stage
from tests.wire import Message, Wire, chained, complete, preview, record_event

CHAIN = ("ChainedRecord", "ChainedRecord", "ChainedRecordsDataEnd")


def channels(desk: Desk, number: int) -> list[str]:
    """The channels of the messages in an answer."""
    return [message["channel"] for message in json.loads(desk.replies[number].body)]


def told_by(desk: Desk) -> list[list[Message]]:
    """The Bayeux messages of each answer, the last answer first."""
    bodies = [reply.body for reply in reversed(desk.replies.values()) if reply.body.startswith(b"[{")]
    return [json.loads(body) for body in bodies]


def subscribes(desk: Desk, to: str = "/other") -> int:
    return desk.bayeux({"channel": SUBSCRIBE, "clientId": desk.client_id, "subscription": to})


@pytest.mark.parametrize("item", EVENTS)
@pytest.mark.parametrize("wait", [0.0, 2.0])
def test_an_event_waits_for_an_answer_or_comes_early_with_it(item: str, wait: float) -> None:
    stage = stage_of(f"{item} in a reply")
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(wait)
    number = subscribes(desk)
    stage.wait(3)

    is_first = item == "event 1.1" or wait  # another event of its channel comes before it
    assert channels(desk, number)[-1] == SUBSCRIBE
    assert (len(channels(desk, number)) > 1) is bool(is_first)
    while stage.ordered.is_stuck:
        stage.gives_up()
    assert events(stage) == EVENTS
    assert len(desk.events) == 3
    assert not stage.order.unmet or not is_first


def test_an_event_comes_early_with_an_answer_once_what_comes_before_it_was_seen() -> None:
    stage = Scheduled("event 3.1 in a reply", "event 2.3 before event 3.1")
    desk = stage.desk()
    desk.listens()
    for ask in (preview("x"), chained(7, "x")):
        desk.posts(ask)
        stage.wait(3)
    desk.posts(complete(7))

    assert channels(desk, subscribes(desk)) == ["/v2/me/outbound", SUBSCRIBE]
    assert not stage.order.unmet


def test_a_handshake_a_poll_and_a_disconnect_carry_none() -> None:
    stage = stage_of("event 1.1 in a reply")
    desk = stage.desk()
    desk.polls()
    desk.posts(chained(7, "x"))
    stage.wait(2)
    assert events(stage) == []
    assert channels(desk, desk.disconnects()) == ["/meta/disconnect"]


def test_who_confirms_gets_events_with_polls_alone() -> None:
    stage = stage_of("event 1.1 in a reply")
    desk = Confirming(stage, (), "", cookies=True)
    desk.handshakes()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(2)

    assert channels(desk, subscribes(desk)) == [SUBSCRIBE]
    stage.gives_up()
    assert events(stage) == EVENTS
    assert len(stage.order.unmet) == 1


def anchored() -> Recording:
    """Two events that followed a subscription."""
    wire = Wire()
    desk = Recorded(wire)
    desk.says(SUBSCRIBE, subscription="/a")
    desk.hears(note("/a", 1), note("/a", 2))
    return wire.recording()


def test_the_answer_to_a_subscription_carries_what_it_brings() -> None:
    stage = Scheduled("event u1 in a reply", recording=anchored())
    desk = stage.stranger()
    number = desk.bayeux({"channel": "/meta/handshake"})
    desk.client_id = json.loads(desk.replies[number].body)[0]["clientId"]
    desk.polls()
    number = subscribes(desk, "/a")
    assert channels(desk, number) == ["/a", SUBSCRIBE]

    desk.listens()
    stage.wait(2)

    assert events(stage) == ["event u1", "event u2"]
    assert not stage.order.unmet


def test_the_answer_to_a_publish_that_is_an_operation_carries_its_event() -> None:
    schedule = Schedule.of([Deviation.parse("event 1.1 in a reply")])
    stage = Stage(publishes(), 1, DIALECT, schedule=schedule)
    desk = stage.desk()
    desk.listens()
    number = desk.bayeux(publish(desk, "live", 1))
    stage.wait(3)

    assert len(channels(desk, number)) == 2
    assert stage.standin.ordered is not None
    assert not stage.standin.ordered.order.unmet


def test_during_a_pause_answers_leave_all_the_same() -> None:
    stage = Stage(RECORDED, 1, load(), schedule=Schedule.of([Deviation.parse("event 1.1 in a reply")]))
    desk = stage.desk()
    desk.listens()
    stage.standin.pause(stage.now)

    assert channels(desk, subscribes(desk)) == [SUBSCRIBE]


LOST = ("event 1.1 in a reply", "event 1.1 after a lost session")


def loses(stage: Scheduled, desk: Desk) -> int:
    """A client that loses its session, and shakes hands again; the number of that."""
    desk.polls()
    first = desk.client_id
    desk.posts(chained(7, "x"))
    stage.wait(2)
    desk.polls()
    stage.wait(2)
    number = desk.bayeux({"channel": HANDSHAKE})
    desk.client_id = json.loads(desk.replies[number].body)[0]["clientId"]
    assert desk.client_id != first
    return number


def chain_of(*subscriptions: str) -> Recording:
    """Three events of an operation, to a client with some subscriptions."""
    wire = Wire()
    desk = Recorded(wire)
    for name in subscriptions:
        desk.says(SUBSCRIBE, subscription=name)
    desk.desk.asks(chained(7, "r1"), *(record_event(name, 7, "r1") for name in CHAIN), early=1)
    return wire.recording()


@pytest.mark.parametrize("item", EVENTS)
def test_the_answer_to_a_new_handshake_carries_an_event_that_needs_no_subscription(item: str) -> None:
    stage = Scheduled(f"{item} in a reply", f"{item} after a lost session", recording=chain_of())
    desk = stage.desk()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(3)
    (shaken, *carried) = next(told for told in told_by(desk) if told[0]["channel"] == HANDSHAKE)

    assert carried[0]["channel"] == "/v2/me/outbound"
    assert shaken["x-messages"] == len(carried)
    assert events(stage) == EVENTS
    assert len(desk.events) == 3
    assert not stage.order.unmet


def test_an_event_under_a_subscription_waits_for_the_answer_to_the_new_one() -> None:
    stage = Scheduled(*LOST, recording=chain_of("/**"))
    desk = stage.desk()
    number = loses(stage, desk)

    assert channels(desk, number) == [HANDSHAKE]
    assert "x-messages" not in json.loads(desk.replies[number].body)[0]
    desk.polls()
    assert channels(desk, subscribes(desk, "/**"))[-1] == SUBSCRIBE
    desk.listens()
    stage.wait(3)
    assert events(stage) == EVENTS
    assert not stage.order.unmet


@pytest.mark.parametrize("text", LOST)
def test_the_answer_to_a_handshake_carries_nothing_unless_both_are_asked_for(text: str) -> None:
    stage = Scheduled(text, recording=chain_of())
    desk = stage.desk()
    number = desk.bayeux({"channel": HANDSHAKE}) if text == LOST[0] else loses(stage, desk)

    assert channels(desk, number) == [HANDSHAKE]


def test_who_confirms_gets_nothing_with_a_handshake() -> None:
    stage = Scheduled(*LOST, recording=chain_of())
    desk = Confirming(stage, (), "", cookies=True)
    desk.handshakes()
    desk.polls()
    desk.posts(chained(7, "x"))
    stage.wait(2)
    desk.polls()
    stage.wait(2)
    number = desk.bayeux({"channel": HANDSHAKE, "ext": {"ack": True}})

    assert channels(desk, number) == [HANDSHAKE]


def test_a_recorded_number_of_events_behind_a_handshake_is_not_told_again() -> None:
    """Was wrong: CometD's client polls only once so many events have come."""
    assert beside({"channel": HANDSHAKE, "successful": True, "x-messages": 2, "more": 1}) == {"more": 1}
