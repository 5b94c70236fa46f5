"""A publish is an operation where the dialect says so: it is matched, acked and followed by its events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.bayeux.messages import is_event
from recorder.dialect.definition import Dialect
from recorder.model import Recording, State
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from recorder.replay.engine.faults import Faults
from recorder.replay.engine.faults import parse as parse_fault
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.answers import DIALECT, DOUBLE, publish, recorded, result, yes
from tests.replay.stage import Desk, Stage
from tests.wire import URL, Ask, Message, Wire, body


class Answers(Stage):
    """A stage for a recording of this dialect."""

    def __init__(self, recording: Recording, rate: float = INSTANT, dialect: Dialect = DIALECT, **options: Any) -> None:
        super().__init__(recording, rate)
        ids = iter(range(1, 1000))
        self.standin = ReplayEngine(recording, dialect, new_id=lambda: f"id{next(ids)}", rate=rate, **options)


def replies(desk: Desk, number: int) -> list[Message]:
    return [message for message in json.loads(desk.replies[number].body) if not is_event(message)]


def heard(desk: Desk) -> list[tuple[str, Any]]:
    return [(event["data"]["requestId"], event["data"]["answer"]) for event in desk.events]


def test_publishes_are_triples_with_ack_and_events() -> None:
    triples = recorded().triples

    assert [(t.operation, t.keys, t.session, t.state) for t in triples] == [
        (DOUBLE, {"reference": "recorded-1"}, "s1", State.COMPLETE),
        (DOUBLE, {"reference": "recorded-2"}, "s1", State.COMPLETE),
    ]
    assert [(t.request.method, t.request.target, t.ack and t.ack.status, len(t.events)) for t in triples] == [
        ("PUBLISH", DOUBLE, 200, 1),
        ("PUBLISH", DOUBLE, 200, 1),
    ]


def test_events_follow_the_live_publish_with_its_id() -> None:
    desk = Answers(recorded()).desk()
    desk.listens()

    desk.bayeux(publish(desk, "live-b", 2))
    desk.bayeux(publish(desk, "live-a", 1))

    assert heard(desk) == [("live-b", 4), ("live-a", 2)]


def test_the_ack_and_the_events_keep_their_recorded_distance() -> None:
    stage = Answers(recorded(), rate=1)
    desk = stage.desk()
    desk.listens()

    number = desk.bayeux(publish(desk, "live", 1))
    at_once = number in desk.replies
    stage.wait(0.15)
    acked, events = number in desk.replies, list(desk.events)
    stage.wait(0.1)

    assert (at_once, acked, events) == (False, True, [])
    assert heard(desk) == [("live", 2)]


def test_the_reply_has_the_live_message_id() -> None:
    desk = Answers(recorded()).desk()

    number = desk.bayeux(publish(desk, "live", 1))

    assert replies(desk, number) == [{"id": "m-live", "channel": DOUBLE, "successful": True}]


def test_a_publish_that_matches_nothing_is_a_miss_that_its_reply_tells() -> None:
    stage = Answers(recorded())
    desk = stage.desk()

    number = desk.bayeux(publish(desk, "live", 7))

    (reply,) = replies(desk, number)
    assert reply["successful"] is False
    assert reply["error"].startswith(
        f"470::no recorded request matches PUBLISH {DOUBLE} ({DOUBLE}): nearest is triple 1"
    )
    assert "data.n differs: recorded 1, live 7" in reply["error"]
    assert stage.standin.missed == 1
    assert stage.misses[0] == reply["error"].removeprefix("470::")


def test_a_publish_on_another_channel_is_no_operation() -> None:
    stage = Answers(recorded())
    desk = stage.desk()

    number = desk.bayeux(publish(desk, "live", 7, channel="/chat"))

    assert replies(desk, number)[0]["successful"] is True
    assert stage.standin.missed == 0


def test_a_publish_is_answered_as_often_as_it_was_recorded() -> None:
    stage = Answers(recorded())
    desk = stage.desk()
    desk.listens()
    desk.bayeux(publish(desk, "live-1", 1))

    number = desk.bayeux(publish(desk, "live-2", 1))

    assert "played already: triple 1" in replies(desk, number)[0]["error"]
    assert stage.standin.unplayed == (2,)


def test_a_recorded_refusal_comes_back() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    sent = publish(recorded_desk, "recorded-1")
    no = {"successful": False, "error": "403:recorded-1:not for you", "ext": {"why": 7}}
    wire.respond(recorded_desk.bayeux(sent), [yes(sent) | no])
    recording = wire.recording(DIALECT)
    desk = Answers(recording).desk()

    number = desk.bayeux(publish(desk, "live-abc"))

    (triple,) = recording.triples
    assert (triple.state, triple.ack and triple.ack.status) == (State.FAILED, 403)
    assert replies(desk, number)[0] == {
        "id": "m-live-abc",
        "channel": DOUBLE,
        "successful": False,
        "error": "403:live-abc:not for you",
        "ext": {"why": 7},
    }


def test_an_http_error_refuses_the_publishes_that_it_answers() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    wire.respond(recorded_desk.bayeux(publish(recorded_desk, "recorded-1")), b"broken", status=503)
    recording = wire.recording(DIALECT)
    desk = Answers(recording).desk()

    number = desk.bayeux(publish(desk, "live"))

    assert recording.triples[0].state is State.FAILED
    assert replies(desk, number)[0]["error"] == "503::broken"


def test_a_publish_without_a_recorded_reply_gets_none() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    wire.respond(recorded_desk.bayeux(publish(recorded_desk, "recorded-1")), [])
    recorded_desk.hears(result("recorded-1"))
    recording = wire.recording(DIALECT)
    desk = Answers(recording).desk()
    desk.listens()

    number = desk.bayeux(publish(desk, "live"))

    assert recording.triples[0].state is State.UNACKED
    assert (replies(desk, number), heard(desk)) == ([], [("live", 2)])


def test_several_publishes_of_one_body_are_triples_each_with_its_reply() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    one, two = publish(recorded_desk, "recorded-1", 1), publish(recorded_desk, "recorded-2", 2)
    refusal = {"successful": False, "error": "400::no"}
    wire.respond(recorded_desk.bayeux(one, two), [result("recorded-1"), yes(two) | refusal, yes(one)])
    recording = wire.recording(DIALECT)
    desk = Answers(recording).desk()
    subscribe = {"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/x", "id": "s"}

    number = desk.bayeux(publish(desk, "live-2", 2), subscribe, publish(desk, "live-1", 1))

    assert [(t.request.message, t.ack and t.ack.status, len(t.events)) for t in recording.triples] == [
        (0, 200, 1),
        (1, 400, 0),
    ]
    assert [(r["id"], r["successful"]) for r in replies(desk, number)] == [
        ("m-live-2", False),
        ("s", True),
        ("m-live-1", True),
    ]
    assert heard(desk) == [("live-1", 2)]


def test_a_publish_on_a_websocket_is_an_operation() -> None:
    wire = Wire()
    upgrade = wire.request("GET", URL, b"")
    wire.respond(upgrade, b"", status=101)
    wire.frame(upgrade, {"channel": "/meta/handshake", "id": "1"}, from_client=True)
    hello = {"channel": "/meta/handshake", "id": "1", "successful": True, "clientId": "c1"}
    wire.frame(upgrade, hello, from_client=False)
    sent = {"channel": DOUBLE, "clientId": "c1", "id": "2", "data": {"requestId": "recorded-1", "n": 1}}
    wire.frame(upgrade, sent, from_client=True)
    wire.frame(upgrade, result("recorded-1"), from_client=False)
    wire.frame(upgrade, yes(sent), from_client=False)
    recording = wire.recording(DIALECT)
    stage = Answers(recording)
    desk = stage.desk()
    message = body([publish(desk, "live")])

    stage._waiting[50] = desk
    stage.standin.receive(HttpRequest(50, "socket", "GET", URL, (), message, on_socket=True), stage.now)
    stage.driver()

    assert [(t.operation, t.state, t.session) for t in recording.triples] == [(DOUBLE, State.COMPLETE, "s1")]
    assert [m["channel"] for m in json.loads(desk.replies[50].body)] == ["/result", DOUBLE]


def test_a_callback_polling_publish_is_an_operation() -> None:
    stage = Answers(recorded())
    desk = stage.desk()
    message = json.dumps([publish(desk, "live")])

    number = desk.sends("GET", f"{URL}?jsonp=cb&message={message}", b"")

    assert desk.replies[number].body.startswith(b"cb([{")
    assert b'"successful":true' in desk.replies[number].body


def test_a_publish_of_an_unknown_client_is_no_miss() -> None:
    stage = Answers(recorded())
    desk = stage.desk()

    number = desk.bayeux(publish(desk, "live") | {"clientId": "nobody"})

    assert replies(desk, number)[0]["error"] == "402::session_unknown"
    assert stage.standin.missed == 0


@pytest.mark.parametrize(
    ("fault", "error"), [(f"http 500 {DOUBLE}#1", "500::"), (f"unknown-client after {DOUBLE}#1", "")]
)
def test_faults_of_requests_hit_publishes(fault: str, error: str) -> None:
    recording = recorded()
    stage = Answers(recording, faults=Faults([parse_fault(fault)], recording))
    desk = stage.desk()

    number = desk.bayeux(publish(desk, "live"))

    assert replies(desk, number)[0].get("error", "").startswith(error)
    assert stage.standin.faults.report() == [(fault, 1)]


def test_a_delayed_ack_delays_the_reply_of_a_publish() -> None:
    recording = recorded()
    stage = Answers(recording, faults=Faults([parse_fault(f"delay ack {DOUBLE} 3s")], recording))
    desk = stage.desk()
    number = desk.bayeux(publish(desk, "live"))

    stage.wait(2.9)
    before = number in desk.replies
    stage.wait(0.2)

    assert (before, number in desk.replies) == (False, True)


def test_no_answer_leaves_out_one_reply_of_a_body_and_keeps_a_lone_publish_waiting() -> None:
    recording = recorded()
    stage = Answers(recording, faults=Faults([parse_fault(f"no answer {DOUBLE}")], recording))
    desk = stage.desk()
    desk.listens()
    subscribe = {"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/x", "id": "s"}

    both = desk.bayeux(publish(desk, "live-1", 1), subscribe)
    alone = desk.bayeux(publish(desk, "live-2", 2))
    stage.wait(60)

    assert [r["id"] for r in replies(desk, both)] == ["s"]
    assert alone not in desk.replies
    assert heard(desk) == [("live-1", 2), ("live-2", 4)]
    stage.abort(alone)
    assert stage.standin.state(stage.now)["sessions"][0]["pending"] == []


def test_an_event_can_be_dropped_by_the_name_of_its_channel() -> None:
    recording = recorded()
    stage = Answers(recording, faults=Faults([parse_fault("drop event /result#1")], recording))
    desk = stage.desk()
    desk.listens()

    desk.bayeux(publish(desk, "live-1", 1))
    desk.bayeux(publish(desk, "live-2", 2))

    assert heard(desk) == [("live-2", 4)]


def test_requests_and_publishes_of_one_dialect_keep_their_own_ids() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    recorded_desk.asks(Ask("/api/x", {"do": "Ask", "requestId": "recorded-0", "n": 1}), result("recorded-0", 9))
    recorded(wire)
    recording = wire.recording(DIALECT)
    desk = Answers(recording).desk()
    desk.listens()

    status = desk.answer(Ask("/api/x", {"do": "Ask", "requestId": "live-0", "n": 1})).status
    named = desk.bayeux(publish(desk, "live-1", 1))

    assert [t.operation for t in recording.triples] == ["Ask", DOUBLE, DOUBLE]
    assert (status, replies(desk, named)[0]["successful"]) == (200, True)
    assert heard(desk) == [("live-0", 9), ("live-1", 2)]


def test_an_unsolicited_event_follows_the_publish_before_it() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    sent = publish(recorded_desk, "recorded-1")
    wire.respond(recorded_desk.bayeux(sent), [yes(sent)])
    recorded_desk.hears({"channel": "/news", "data": {"messageType": "news"}})
    stage = Answers(wire.recording(DIALECT))
    desk = stage.desk()
    desk.listens()
    stage.wait(5)
    before = list(desk.events)

    desk.bayeux(publish(desk, "live"))

    assert (before, [event["channel"] for event in desk.events]) == ([], ["/news"])


def test_a_redacted_publish_is_matched_with_the_live_values() -> None:
    policy = load_policy("gws")
    wire = Wire()
    recorded_desk = wire.desk()
    data = {"requestId": "recorded-1", "phoneNumber": "5551234567"}
    sent = publish(recorded_desk, "recorded-1", data=data)
    wire.respond(recorded_desk.bayeux(sent), [yes(sent)])
    recorded_desk.hears({"channel": "/result", "data": data | {"messageType": "done"}})
    redactor = Redactor(policy, b"k" * 32)
    wire.records = [redactor.redact(record) for record in wire.records]
    desk = Answers(wire.recording(DIALECT), redaction=policy).desk()
    desk.listens()

    number = desk.bayeux(publish(desk, "live", data={"requestId": "live", "phoneNumber": "5559876543"}))

    assert b"5551234567" not in b"".join(getattr(record, "body", b"") for record in wire.records)
    assert replies(desk, number)[0]["successful"] is True
    assert [(e["data"]["requestId"], e["data"]["phoneNumber"]) for e in desk.events] == [("live", "5559876543")]


def test_a_remembered_value_in_a_publish_is_matched_with_the_live_one() -> None:
    policy = load_policy("gws")
    wire = Wire()
    recorded_desk = wire.desk()
    phone, other = "5551234567", "5559876543"
    for number, data in enumerate([{"phoneNumber": phone}, {"note": f"call {phone}"}, [f"call {phone}"]]):
        sent = publish(recorded_desk, f"recorded-{number}", data=data)
        wire.respond(recorded_desk.bayeux(sent), [yes(sent)])
    redactor = Redactor(policy, b"k" * 32)
    wire.records = [redactor.redact(record) for record in wire.records]
    desk = Answers(wire.recording(DIALECT), redaction=policy).desk()

    live = [{"phoneNumber": other}, {"note": f"call {other}"}, [f"call {phone}"], [f"call {other}"]]
    numbers = [desk.bayeux(publish(desk, f"live-{n}", data=data)) for n, data in enumerate(live)]

    assert phone.encode() not in b"".join(getattr(record, "body", b"") for record in wire.records)
    assert [replies(desk, number)[0]["successful"] for number in numbers] == [True, True, False, True]


def test_data_that_is_no_object_is_matched_as_it_is() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    for data in (["a", 1], "text", 7):
        sent = publish(recorded_desk, f"id {data}", data=data)
        wire.respond(recorded_desk.bayeux(sent), [yes(sent)])
    desk = Answers(wire.recording(DIALECT)).desk()

    said = [replies(desk, desk.bayeux(publish(desk, "x", data=data)))[0] for data in (7, ["a", 1], "text", ["a"])]

    assert [reply["successful"] for reply in said] == [True, True, True, False]


def test_without_a_dialects_word_an_answer_is_rebound_by_the_id_it_repeats() -> None:
    wire = Wire()
    recorded_desk = wire.desk()
    for reference, n in (("recorded-1", 1), ("recorded-2", 2)):
        sent = publish(recorded_desk, reference, n)
        wire.respond(recorded_desk.bayeux(sent), [yes(sent)])
    wire.ack(recorded_desk.post(Ask("/state", b"", method="GET")))
    for reference, n in (("recorded-2", 4), ("recorded-1", 2)):
        recorded_desk.hears({"channel": "/result", "data": {"of": reference, "n": n, "messageType": "answer"}})
    desk = Stage(wire.recording()).desk()
    desk.listens()

    desk.bayeux(publish(desk, "live-1", 1))
    first = [event["data"]["of"] for event in desk.events]
    desk.bayeux(publish(desk, "live-2", 2))

    assert (first, [event["data"]["of"] for event in desk.events]) == (["live-1"], ["live-1", "live-2"])
