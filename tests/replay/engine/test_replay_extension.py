"""A client that subscribes with a replay id gets what came after it, and neither loses nor doubles an event."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.dialect.definition import load
from recorder.replay.engine.standin import ReplayEngine
from tests.replay.engine.test_refusals import CONNECT, HANDSHAKE, SUBSCRIBE, Live, Recorded
from tests.replay.stage import Stage
from tests.wire import Message, Wire

CHANNEL = "/data/Changes"


def change(number: int, channel: str = CHANNEL) -> Message:
    return {"channel": channel, "data": {"event": {"replayId": number}}}


class Salesforce:
    """A client that has heard three events of one channel, and one of another; it asks the extension by name."""

    def __init__(self, replay: str = "replay") -> None:
        wire = Wire()
        recorded = Recorded(wire)
        recorded.shakes_hands()
        recorded.says(CONNECT)
        recorded.says(SUBSCRIBE, subscription="/data/**")
        recorded.desk.hears(change(5), change(6), change(7), change(7, "/data/Other"))
        recording = wire.recording()
        stage = Stage(recording)
        dialect = replace(load(), replay=replay, replay_id="event.replayId" if replay else "")
        ids = iter(f"id{n}" for n in range(99))
        stage.standin = ReplayEngine(recording, dialect, new_id=lambda: next(ids), rate=float("inf"))
        self.stage, self.live = stage, Live(stage)
        self.offered = self.live.says(HANDSHAKE).get("ext")
        self.live.polls()
        self.live.says(SUBSCRIBE, subscription="/data/**")

    def hears(self) -> list[int]:
        self.live.desk.events.clear()
        self.live.polls()
        return [event["data"]["event"]["replayId"] for event in self.live.desk.events]

    def is_back(self, wanted: int, pattern: str = CHANNEL) -> list[int]:
        """What comes after the session was lost and the client has subscribed again."""
        self.stage.standin.forget(self.live.desk.client_id)
        self.live.says(HANDSHAKE)
        self.live.polls()
        self.live.desk.events.clear()
        self.live.says(SUBSCRIBE, subscription=pattern, ext={"replay": {pattern: wanted}})
        found = [event["data"]["event"]["replayId"] for event in self.live.desk.events]
        return found + self.hears()


def test_the_handshake_offers_the_extension() -> None:
    assert Salesforce().offered == {"replay": True}
    assert Salesforce(replay="").offered is None


@pytest.mark.parametrize(("wanted", "again"), [(5, [6, 7]), (7, []), (-1, []), (-2, [5, 6, 7]), (99, [])])
def test_a_client_that_is_back_gets_what_came_after_its_last_event(wanted: int, again: list[int]) -> None:
    client = Salesforce()
    client.hears()

    assert client.is_back(wanted) == again


def test_a_pattern_covers_its_channels() -> None:
    client = Salesforce()
    client.hears()

    assert client.is_back(6, "/data/**") == [7, 7]


def test_what_waits_for_the_client_anyway_comes_once() -> None:
    client = Salesforce()
    client.stage.standin.forget(client.live.desk.client_id)
    client.live.says(HANDSHAKE)
    client.live.says(SUBSCRIBE, subscription="/data/**", ext={"replay": {"/data/**": -2}})
    client.live.polls()

    assert [event["data"]["event"]["replayId"] for event in client.live.desk.events] == [5, 6, 7, 7]


def test_without_the_extension_nothing_comes_again() -> None:
    client = Salesforce(replay="")
    client.hears()

    assert client.is_back(-2) == []
