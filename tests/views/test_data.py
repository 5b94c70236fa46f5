"""The JSON people script against: its shape is fixed, and every value is JSON for everybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.library.latency import ack_ms, offset_ms
from recorder.model import Recording
from recorder.views.data import content, triple, unsolicited
from tests.wire import Ask, Wire, body, chained, done, get_me, record_event, state_event

SEED = json.loads((Path(__file__).parents[1] / "lab" / "seed.json").read_text())


def seed() -> Recording:
    """The exchange of the API page: the ack after 25 ms, both events after 1.5 s."""
    wire = Wire()
    desk = wire.desk()
    poll = desk.polls()
    post = wire.request("POST", SEED["request"]["path"], body(SEED["request"]["body"]))
    wire.wait(0.025)
    wire.respond(post, SEED["ack"]["body"], headers=(("Set-Cookie", "JSESSIONID=a"),))
    wire.wait(1.475)
    wire.respond(poll, SEED["cometd_response"])
    return wire.recording()


def shown(ask: Ask, *events: Any) -> dict[str, Any]:
    wire = Wire()
    wire.desk().asks(ask, *events)
    return triple(wire.recording().triples[0])


def test_a_triple_has_exactly_the_fields_that_are_documented() -> None:
    row = triple(seed().triples[0])

    assert list(row) == [
        "n", "at", "operation", "handle", "referenceId", "session", "state", "keys", "request", "ack", "events",
    ]  # fmt: skip
    assert list(row["request"]) == ["method", "path", "headers", "body", "failure"]
    assert list(row["ack"]) == ["status", "ms", "headers", "body"]
    assert [list(event) for event in row["events"]] == [
        ["name", "channel", "offset_ms", "data", "rule", "confidence", "why", "rivals"]
    ] * 2


def test_the_seed_in_full() -> None:
    row = triple(seed().triples[0])

    assert {name: row[name] for name in ("n", "operation", "handle", "referenceId", "session", "state")} == {
        "n": 1,
        "operation": "GetChainedRecord",
        "handle": "7",
        "referenceId": "123456789",
        "session": "s1",
        "state": "complete",
    }
    assert row["request"] == {
        "method": "POST",
        "path": "/api/v2/me/outbound-records/7",
        "headers": [["Content-Type", "application/json;charset=UTF-8"]],
        "body": SEED["request"]["body"],
        "failure": None,
    }
    assert row["ack"] == {
        "status": 200,
        "ms": 25.0,
        "headers": [["Content-Type", "application/json;charset=UTF-8"], ["Set-Cookie", "JSESSIONID=a"]],
        "body": {"statusCode": 0},
    }
    assert row["events"][0] == {
        "name": "ChainedRecordsDataEnd",
        "channel": "/v2/me/outbound",
        "offset_ms": 1500.0,
        "data": SEED["cometd_response"][0]["data"],
        "rule": "reference",
        "confidence": 1.0,
        "why": "reference '123456789' of request 7 stands in the event",
        "rivals": [],
    }
    assert (row["events"][1]["rule"], row["events"][1]["confidence"]) == ("twin", 0.95)


def test_what_is_not_there_is_null() -> None:
    wire = Wire()
    wire.request("POST", "/api/v2/me", b'{"operationName":"X"}')
    row = triple(wire.recording().triples[0])

    assert (row["handle"], row["referenceId"], row["session"], row["ack"], row["events"]) == (
        None,
        None,
        None,
        None,
        [],
    )
    assert row["state"] == "aborted"


def test_a_failure_is_told_with_the_request() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(chained()), "Client disconnected.")
    row = triple(wire.recording().triples[0])

    assert (row["request"]["failure"], row["ack"]) == ("Client disconnected.", None)


def test_an_exchange_that_is_no_operation_has_the_same_fields() -> None:
    wire = Wire()
    wire.respond(wire.desk().post(get_me()), {"user": "agent"})
    row = triple(wire.recording().plain[0])

    assert list(row) == list(triple(seed().triples[0]))
    assert (row["n"], row["operation"], row["request"]["body"], row["ack"]["body"]) == (
        0,
        None,
        None,
        {"user": "agent"},
    )


def test_unsolicited_events_count_from_the_start_of_the_capture() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.wait(2.5)
    desk.hears(state_event())

    assert list(unsolicited(wire.recording().unsolicited)) == [
        {
            "session": "s1",
            "name": "/v2/me/devices",
            "channel": "/v2/me/devices",
            "offset_ms": 2500.0,
            "data": state_event()["data"],
        }
    ]


def test_times_are_milliseconds_to_the_microsecond() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    post = desk.post(chained(7))
    wire.wait(0.0012345678)
    wire.ack(post)
    desk.hears(done(7))
    item = wire.recording().triples[0]

    assert ack_ms(item) == 1.235
    assert offset_ms(item.events[0], item) == 1.235


def test_a_triple_without_an_ack_has_no_time_of_it() -> None:
    wire = Wire()
    wire.desk().post(chained(7))

    assert ack_ms(wire.recording().triples[0]) is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"", None),
        (b'{"a":1}', {"a": 1}),
        (b" [1] ", [1]),
        (b"null", None),
        (b'\xef\xbb\xbfwhile(1);{"a":1}', {"a": 1}),
        ('[{"a":1}]'.encode("utf-16-le"), [{"a": 1}]),
        (b"/*[1]*/", [1]),
        (b"text", "text"),
        (b"caf\xe9", "caf\\xe9"),
        (b"{", "{"),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_a_body_is_its_json_else_its_text(raw: bytes, value: Any) -> None:
    assert content(raw) == value


ODD = [
    b'{"operationName":"X","a":NaN}',
    b'{"operationName":"X","a":-1e999}',
    b'{"operationName":"\\ud800","\\udfff":1}',
]


@pytest.mark.parametrize("raw", ODD)
def test_odd_json_is_shown_as_json_that_everybody_reads(raw: bytes) -> None:
    row = shown(Ask("/api/v2/me", raw), {"channel": "/x", "data": {"referenceId": 1, "odd": float("nan")}})

    assert json.dumps(row, ensure_ascii=False, allow_nan=False).encode()


def test_a_number_that_is_none_is_shown_by_its_name() -> None:
    assert shown(Ask("/api/v2/me", ODD[0]))["request"]["body"] == {"operationName": "X", "a": "NaN"}
    assert shown(Ask("/api/v2/me", ODD[1]))["request"]["body"] == {"operationName": "X", "a": "-Infinity"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_whatever_was_recorded_can_be_written_as_json(asked: Any, pushed: Any) -> None:
    event = record_event("ChainedRecord", 7, "r1")
    row = shown(chained(7, "r1", extra=asked), event | {"data": event["data"] | {"extra": pushed}})

    assert json.loads(json.dumps(row, ensure_ascii=False, allow_nan=False).encode()) == row
