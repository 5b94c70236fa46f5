"""A session whose server wraps its JSON is recorded, redacted and replayed like any other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from recorder.bayeux.json_bodies import load_json
from recorder.model import Recording, Request, Response
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from tests.replay.stage import Stage
from tests.wire import HEADER, URL, Ask, Wire, body, chained, done, operation, record_event
from tests.wrappings import GUARDS, WRAPPINGS, Wrapping

PHONE = "+4915112345678"


def wrapped(wire: Wire, wrap: Wrapping, *, requests: bool = True) -> Wire:
    """Wrap the bodies of all records."""
    kinds = (Request, Response) if requests else (Response,)
    wire.records = [
        replace(record, body=wrap(record.body)) if isinstance(record, kinds) and record.body else record
        for record in wire.records
    ]
    return wire


def session() -> Wire:
    wire = Wire()
    desk = wire.desk("recorded1")
    desk.polls()
    post = desk.post(chained(7, "recorded-r1", phoneNumber=PHONE))
    wire.wait(0.1)
    wire.ack(post, referenceId="recorded-r1", phoneNumber=PHONE)
    desk.hears(record_event("ChainedRecord", 7, "recorded-r1", phoneNumber=PHONE))
    desk.hears(done(7, "recorded-r1"))
    return wire


def redacted(wire: Wire) -> Recording:
    redactor = Redactor(load_policy(), bytes(32))
    wire.records = [redactor.redact(record) for record in wire.records]
    recording = wire.recording()
    return replace(recording, header=replace(HEADER, redaction="default"))


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_wrapped_session_has_its_events_and_redaction_finds_its_values(wrapping: str) -> None:
    wire = wrapped(session(), WRAPPINGS[wrapping])
    recording = redacted(wire)

    (triple,) = recording.triples
    assert [link.name for link in triple.events] == ["ChainedRecord", "ChainedRecordsDataEnd"]
    assert triple.keys["reference"] == "recorded-r1"
    texts = [load_json(record.body) for record in wire.records if isinstance(record, Request | Response)]
    assert PHONE not in json.dumps(texts)
    bodies = b"".join(getattr(record, "body", b"") for record in wire.records)
    assert PHONE[1:].encode() not in bodies.replace(b"\0", b"")


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_client_of_a_wrapped_session_hears_its_events_with_its_own_ids(wrapping: str) -> None:
    wrap = WRAPPINGS[wrapping]
    recording = wrapped(session(), wrap).recording()
    stage = Stage(recording)
    desk = stage.stranger()
    shaken = desk.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})
    desk.client_id = load_json(desk.replies[shaken].body)[0]["clientId"]
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/**"})
    desk.polls()

    live = chained(7, "live-r1", phoneNumber=PHONE)
    asked = desk.sends("POST", live.target, wrap(live.body))
    polls = [desk.polls() for _ in range(2)]

    assert stage.misses == []
    assert load_json(desk.replies[asked].body)["referenceId"] == "live-r1"
    recorded = next(t.ack.body for t in recording.triples if t.ack)
    assert desk.replies[asked].body == live_of(recorded, wrap)
    heard = [m for number in polls if number in desk.replies for m in load_json(desk.replies[number].body)]
    assert [m["data"]["referenceId"] for m in heard if m["channel"] == "/v2/me/outbound"] == ["live-r1", "live-r1"]


def live_of(recorded: bytes, wrap: Wrapping) -> bytes:
    """Return a recorded ack with the live id, in the wrapping of the recorded one."""
    value: Any = load_json(recorded)
    made = wrap(body(value | {"referenceId": "live-r1"}))
    return made if len(made) % 2 == 0 or b"\0" not in made else made[:-1]  # half a character is left out


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("wrapping", ["UTF-16 big", "comment", "mark and loop", "Angular"])
def test_a_request_is_matched_in_another_wrapping_than_it_was_recorded_in(wrapping: str, *, plain: bool) -> None:
    wrap = WRAPPINGS[wrapping]
    recording = (session() if plain else wrapped(session(), wrap)).recording()
    live = chained(7, "live-r1", phoneNumber=PHONE)
    stage = Stage(recording)
    desk = stage.stranger()

    desk.sends("POST", live.target, wrap(live.body) if plain else live.body)

    assert stage.misses == []


def test_a_redacted_wrapped_session_is_matched_by_the_real_values() -> None:
    wrap = WRAPPINGS["UTF-16 and comment"]
    stage = Stage(redacted(wrapped(session(), wrap)), redaction=load_policy())
    live = chained(7, "live-r1", phoneNumber="+49301111111")
    desk = stage.stranger()

    desk.sends("POST", live.target, wrap(live.body))

    assert stage.misses == []


@pytest.mark.parametrize("name", GUARDS)
def test_bayeux_answers_have_the_guard_that_the_recorded_server_wrote(name: str) -> None:
    before, after = GUARDS[name]
    stage = Stage(wrapped(session(), WRAPPINGS[name], requests=False).recording())
    desk = stage.stranger()

    number = desk.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})

    answer = desk.replies[number].body.decode()
    assert answer.startswith(before.lstrip() + "[")
    assert answer.endswith("]" + after.rstrip())


@pytest.mark.parametrize("wrapping", ["JSONP", "UTF-16 big", "UTF-8 with a mark", "white space"])
def test_bayeux_answers_are_plain_json_where_nothing_but_a_charset_or_a_call_was_around(wrapping: str) -> None:
    stage = Stage(wrapped(session(), WRAPPINGS[wrapping], requests=False).recording())
    desk = stage.stranger()

    number = desk.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})

    assert desk.replies[number].body.startswith(b"[{")


def test_a_callback_is_wrapped_without_the_guard() -> None:
    stage = Stage(wrapped(session(), WRAPPINGS["while"], requests=False).recording())
    desk = stage.stranger()

    number = desk.sends("GET", f'{URL}?jsonp=cb1&message=[{{"channel":"/meta/handshake"}}]', b"")

    assert desk.replies[number].body.startswith(b"cb1([{")


def test_an_operation_is_named_whatever_wraps_its_request() -> None:
    wire = Wire()
    ask = operation("/api/v2/me/x", "Anything", "r1")
    wire.desk().asks(Ask(ask.target, WRAPPINGS["UTF-16 little"](ask.body)))

    assert [t.operation for t in wire.recording().triples] == ["Anything"]
