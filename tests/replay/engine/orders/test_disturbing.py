"""Trouble that a schedule asks for: nothing is lost by it, and nothing comes twice but what is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.model import Recording
from recorder.replay.engine.http import HttpResponse
from tests.replay.engine.orders.test_player import Scheduled
from tests.replay.stage import Desk
from tests.wire import Wire, chained, record_event


def recorded() -> Recording:
    """An operation with three events, on two channels."""
    wire = Wire()
    desk = wire.desk()
    events = [record_event(name, 7, "c") for name in ("ChainedRecord", "ChainedRecord", "ChainedRecordsDataEnd")]
    desk.asks(chained(7, "c"), *events, early=1)
    return wire.recording()


RECORDED = recorded()
EVENTS = ["event 1.1", "event 1.2", "event 1.3"]


def stage_of(*texts: str) -> Scheduled:
    return Scheduled(*texts, recording=RECORDED)


def events(stage: Scheduled) -> list[str]:
    return [name for name in stage.names if name.startswith("event")]


@pytest.mark.parametrize("lost", EVENTS)
def test_the_events_of_a_lost_poll_come_with_the_next(lost: str) -> None:
    stage = stage_of(f"{lost} in a lost poll")
    desk = stage.desk()
    desk.polls()
    desk.posts(chained(7, "x"))
    stage.wait(3)
    while not stage.ordered.is_broken:
        desk.polls()
        stage.wait(3)
    assert lost not in stage.names
    assert [reply.status for reply in desk.replies.values()].count(0) == 1

    desk.listens()
    stage.wait(3)

    assert events(stage) == EVENTS
    assert (stage.order.unmet, stage.ordered.is_broken) == (frozenset(), False)
    assert len(desk.events) == 3


@pytest.mark.parametrize("item", [*EVENTS, "ack 1"])
def test_a_session_is_lost_before_an_item_and_the_rest_comes_under_the_new_subscriptions(item: str) -> None:
    stage = stage_of(f"{item} after a lost session")
    desk = stage.desk()
    desk.listens()
    first = desk.client_id
    desk.posts(chained(7, "x"))
    stage.wait(3)

    assert desk.client_id != first
    assert events(stage) == EVENTS
    assert len(desk.events) == 3
    assert not stage.order.unmet


def test_without_a_new_subscription_nothing_comes() -> None:
    stage = stage_of("event 1.2 after a lost session")
    desk = stage.desk()
    desk.polls()
    desk.posts(chained(7, "x"))
    stage.wait(1)
    desk.polls()  # answered: the session is lost
    number = desk.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})
    desk.client_id = json.loads(desk.replies[number].body)[0]["clientId"]
    desk.polls()
    desk.listens()
    stage.wait(3)
    assert events(stage) == EVENTS[:1]

    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/**"})
    stage.wait(3)

    assert events(stage) == EVENTS


class Confirming(Desk):
    """A desktop that confirms what it got."""

    batch = -1

    def handshakes(self) -> None:
        number = self.bayeux(
            {"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"], "ext": {"ack": True}}
        )
        self.client_id = json.loads(self.replies[number].body)[0]["clientId"]
        self.polls()
        self.bayeux({"channel": "/meta/subscribe", "clientId": self.client_id, "subscription": "/**"})

    def polls(self, **own: Any) -> int:
        return super().polls(ext={"ack": self.batch}, **own)

    def gets(self, reply: HttpResponse) -> None:
        super().gets(reply)
        found = json.loads(reply.body) if reply.body[:1] == b"[" else []
        self.batch = next(
            (one["ext"]["ack"] for one in found if "ack" in one.get("ext", {}) and one["channel"] == "/meta/connect"),
            self.batch,
        )


@pytest.mark.parametrize("item", EVENTS)
def test_an_unconfirmed_event_comes_twice(item: str) -> None:
    stage = stage_of(f"{item} twice")
    desk = Confirming(stage, (), "", cookies=True)
    desk.handshakes()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(3)

    assert sorted(events(stage)) == sorted([*EVENTS, item])
    assert len(desk.events) == 4
    assert not stage.order.unmet


def test_who_confirms_nothing_gets_nothing_twice() -> None:
    stage = stage_of("event 1.2 twice")
    desk = stage.plays(chained(7, "x"))

    assert (events(stage), len(desk.events)) == (EVENTS, 3)
    assert len(stage.order.unmet) == 1


def test_a_lost_poll_of_a_confirming_client_comes_again() -> None:
    stage = stage_of("event 1.2 in a lost poll")
    desk = Confirming(stage, (), "", cookies=True)
    desk.handshakes()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(3)

    assert events(stage) == EVENTS
    assert len(desk.events) == 3


def test_all_that_is_not_confirmed_comes_twice_also_of_a_poll_that_was_lost() -> None:
    stage = stage_of("event 1.1 in a lost poll", "event 1.2 with event 1.1", "event 1.2 twice", "event 1.3 5s late")
    desk = Confirming(stage, (), "", cookies=True)
    desk.handshakes()
    desk.listens()
    desk.posts(chained(7, "x"))
    stage.wait(3)
    desk.polls()
    stage.wait(10)

    assert events(stage) == ["event 1.1", "event 1.2", "event 1.1", "event 1.2", "event 1.3"]
    assert not stage.order.unmet


def test_without_a_websocket_none_is_cut() -> None:
    stage = stage_of("event 1.2 after a cut websocket")
    desk = stage.plays(chained(7, "x"))

    assert (events(stage), len(desk.events)) == (EVENTS, 3)
    assert len(stage.order.unmet) == 1
