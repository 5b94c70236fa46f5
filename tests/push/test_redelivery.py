"""The acknowledgement extension: what comes again is known by its place, what is merely equal is new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.messages import Message
from recorder.push.bayeux import Unacknowledged

ONE: Message = {"channel": "/a", "data": {"n": 1}}
TWO: Message = {"channel": "/a", "data": {"n": 2}}


def delivery(sent: Unacknowledged, batch: int, *events: Message) -> list[bool]:
    """Which of these events are new."""
    told = [sent.is_new(event) for event in events]
    sent.delivered(batch)
    return told


def test_what_was_not_acknowledged_comes_again_before_what_is_new() -> None:
    sent = Unacknowledged()
    sent.acknowledged(0)
    assert delivery(sent, 1, ONE) == [True]

    sent.acknowledged(0)
    assert delivery(sent, 2, ONE, TWO) == [False, True]
    sent.acknowledged(0)
    assert delivery(sent, 3, ONE, TWO) == [False, False]


def test_an_equal_event_after_an_acknowledgement_is_new() -> None:
    sent = Unacknowledged()
    assert delivery(sent, 1, ONE) == [True]

    sent.acknowledged(1)
    assert delivery(sent, 2, ONE) == [True]


def test_two_equal_events_in_one_delivery_are_two_and_both_come_again() -> None:
    sent = Unacknowledged()
    assert delivery(sent, 1, ONE, ONE) == [True, True]

    sent.acknowledged(0)
    assert delivery(sent, 2, ONE, ONE, ONE) == [False, False, True]


def test_of_several_batches_those_behind_the_acknowledged_one_come_again() -> None:
    sent = Unacknowledged()
    delivery(sent, 1, ONE)
    delivery(sent, 2, TWO)

    sent.acknowledged(1)
    assert delivery(sent, 3, TWO, ONE) == [False, True]


def test_a_delivery_that_broke_off_did_not_count() -> None:
    sent = Unacknowledged()
    delivery(sent, 1, ONE)
    sent.acknowledged(0)
    assert not sent.is_new(ONE)  # and the reply to /meta/connect never came

    sent.acknowledged(0)
    assert delivery(sent, 2, ONE, TWO) == [False, True]


@dataclass
class Server:
    """The queue of a server with the extension: all that is not acknowledged is sent with each answer."""

    batch: int = 1
    queue: list[tuple[int, Message]] = field(default_factory=list)

    def push(self, event: Message) -> None:
        self.queue.append((self.batch, event))

    def connect(self, acknowledged: int) -> tuple[int, list[Message]]:
        self.queue = [(batch, event) for batch, event in self.queue if batch > acknowledged]
        answer = self.batch, [event for _, event in self.queue]
        self.batch += 1
        return answer


@given(st.lists(st.tuples(st.lists(st.sampled_from([1, 2]), max_size=3), st.sampled_from(["arrives", "seen", "lost"]))))
def test_each_event_that_passes_is_new_once_whatever_gets_lost(rounds: list[tuple[list[int], str]]) -> None:
    server, sent, received = Server(), Unacknowledged(), 0
    pushed: list[Any] = []
    new: list[Any] = []
    for events, fate in [*rounds, ([], "arrives")]:
        for event in events:
            pushed.append(event)
            server.push({"channel": "/a", "data": event})
        sent.acknowledged(received)
        batch, messages = server.connect(received)
        if fate != "lost":  # else the proxy saw no answer at all
            new += [message["data"] for message in messages if sent.is_new(message)]
            sent.delivered(batch)
        received = batch if fate == "arrives" else received

    assert new == pushed
