"""What a recorded server said beside the usual is said again: ext of replies, advice, and members beside data."""

from __future__ import annotations

import json

from tests.replay.engine.test_refusals import CONNECT, HANDSHAKE, SUBSCRIBE, Live, Recorded
from tests.replay.stage import Stage
from tests.wire import Message, Wire, chained, done


def events_of(live: Live) -> list[Message]:
    live.polls()
    return live.desk.events


def test_the_extensions_of_replies_are_as_recorded() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands(ext={"replay": True, "payload.format": True})
    recorded.says(CONNECT, {"ext": {"server": "a"}})
    recorded.says(SUBSCRIBE, {"ext": {"replay": -1}}, subscription="/a")
    live = Live(Stage(wire.recording()))

    told = [live.says(HANDSHAKE), live.says(CONNECT), live.says(SUBSCRIBE, subscription="/a")]

    assert [one["ext"] for one in told] == [{"replay": True, "payload.format": True}, {"server": "a"}, {"replay": -1}]
    assert "ext" not in live.says(SUBSCRIBE, subscription="/b")


def test_what_must_be_live_stays_ours() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    ext = {"ack": True, "timesync": {"tc": 1, "ts": 2, "p": 3, "a": 4}, "mine": 1}
    advice = {"reconnect": "retry", "interval": 0, "timeout": 45_000, "hosts": ["gws.example"]}
    recorded.shakes_hands(ext=ext, supportedConnectionTypes=["flash"], advice=advice, timestamp="then")
    recorded.says(CONNECT, {"ext": {"ack": 1}})
    live = Live(Stage(wire.recording()))

    told, connected = live.says(HANDSHAKE), live.says(CONNECT)

    assert told["ext"] == {"mine": 1}
    assert told["supportedConnectionTypes"] == ["websocket", "long-polling", "callback-polling"]
    assert told["clientId"] == live.desk.client_id != "c1"
    assert told["advice"] == {"reconnect": "retry", "interval": 0, "timeout": 45_000}
    assert "timestamp" not in told
    assert "ext" not in connected


def test_a_client_that_asks_for_acknowledgements_gets_them_beside_what_was_recorded() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands(ext={"mine": 1})
    live = Live(Stage(wire.recording()))

    told = live.says(HANDSHAKE, ext={"ack": True})

    assert told["ext"] == {"mine": 1, "ack": True}


def test_an_interval_and_unknown_advice_are_part_of_all_advice_of_the_session() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands(advice={"reconnect": "retry", "interval": 200, "timeout": 30_000, "maxInterval": 10_000})
    recorded.says(CONNECT)
    live = Live(Stage(wire.recording()))

    told = [live.says(HANDSHAKE)["advice"], live.polls()["advice"], live.polls()["advice"]]

    assert told == [{"reconnect": "retry", "interval": 200, "timeout": 30_000, "maxInterval": 10_000}] * 3


def test_advice_that_changes_later_counts_from_then_on() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT)
    recorded.says(CONNECT, {"advice": {"reconnect": "retry", "interval": 5000, "timeout": 30_000}})
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)

    told = [live.polls()["advice"]["interval"] for _ in range(3)]

    assert told == [0, 5000, 5000]


def beside(**more: object) -> tuple[Stage, Live]:
    """A live client that hears the event of its operation, with members beside its data."""
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT)
    recorded.wire.ack(recorded.desk.post(chained(7, "recorded-reference")))
    recorded.desk.hears(done(7, "recorded-reference") | more)
    stage = Stage(wire.recording())
    live = Live(stage)
    live.says(HANDSHAKE)
    live.polls()
    live.desk.posts(chained(7, "live-reference"))
    return stage, live


def test_members_beside_data_are_as_recorded() -> None:
    more = {"ext": {"processed": "yes"}, "id": "e7", "timestamp": "Mon, 02 Mar 2026 09:00:00 GMT"}
    _, live = beside(**more)

    (event,) = events_of(live)

    assert {name: event[name] for name in event if name not in ("channel", "data")} == more


def test_ids_beside_data_are_those_of_the_live_client() -> None:
    _, live = beside(ext={"referenceId": "recorded-reference", "log": "of recorded-reference."})

    (event,) = events_of(live)

    assert event["ext"] == {"referenceId": "live-reference", "log": "of live-reference."}


def test_the_client_id_and_the_advice_of_an_event_are_left_out() -> None:
    _, live = beside(clientId="c1", advice={"reconnect": "none"})

    (event,) = events_of(live)

    assert sorted(event) == ["channel", "data"]


def test_an_answer_to_a_publish_names_the_live_message() -> None:
    wire = Wire()
    recorded = Recorded(wire)
    recorded.shakes_hands()
    recorded.says(CONNECT)
    recorded.says("/service/x", id="31", data={"n": 1})
    recorded.desk.hears({"channel": "/service/x", "id": "31", "data": {"answer": 2}})
    live = Live(Stage(wire.recording()))
    live.says(HANDSHAKE)
    live.polls()
    live.says("/service/x", id="92", data={"n": 1})

    (event,) = events_of(live)

    assert json.dumps(event) == '{"data": {"answer": 2}, "channel": "/service/x", "id": "92"}'
