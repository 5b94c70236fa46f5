"""Dates that were to come when they were recorded, and are over by now, are told: a client acts on them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from recorder.bayeux.messages import carried
from recorder.diagnose.expired import Expired
from recorder.formats.web_tokens import with_claims
from recorder.model import Chunk, Event, Response
from tests.wire import body

AT = 1772445600.0  # 2 March 2026, 10:00 UTC
NOW = AT + 200 * 86_400
TOKEN = with_claims("eyJhbGciOiJub25lIn0.e30.", {"exp": AT + 60})


def told(content: Any, *known: str, now: float = NOW) -> str:
    expired = Expired(AT, now, known)
    expired.response(Response(1, 0, 0, 200, (), content if isinstance(content, bytes) else body(content)))
    return "\n".join(expired.told())


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"expires_at": AT + 3600}, "body.expires_at"),
        ({"session": {"expiresOn": "2026-03-02T11:00:00Z"}}, "body.session.expiresOn"),
        ({"tokens": [{"exp": AT + 60}]}, "body.tokens.*.exp"),
        ({"access_token": TOKEN}, "body.access_token"),
        ({"validUntil": int(AT + 60) * 1000}, "body.validUntil"),
        ({"sessionExpiryTime": "Mon, 02 Mar 2026 11:00:00 GMT"}, "body.sessionExpiryTime"),
    ],
)
def test_an_end_that_is_over_is_told_with_its_path(content: Any, path: str) -> None:
    assert told(content).startswith(f"over by now: {path} (1); ")
    assert f'[replay] shift = ["{path}"]' in told(content)
    assert told(content, path) == ""


@pytest.mark.parametrize(
    "content",
    [
        {"expires_in": 3600},
        {"expires_at": AT - 60},
        {"expires_at": NOW + 60},
        {"issued_at": AT},
        {"experience": int(AT + 60)},
        b"expires_at",
        [{"channel": "/a", "data": {"expires_at": AT + 60}}],
    ],
)
def test_another_date_is_not(content: Any) -> None:
    assert told(content) == ""


def delivery(data: Any, codec: str = "ascii") -> Response:
    return Response(1, 0, 0, 200, (), json.dumps([{"channel": "/a", "data": data}]).encode(codec))


def looked(*records: Response | Chunk) -> str:
    """What is told of the events in records, all of which hold the messages of one array."""
    expired = Expired(AT, NOW)
    for record in records:
        for index, message in enumerate(carried(record) or []):
            expired.event(Event(record.seq, index, 0, 0, "c", "/a", message["data"]), record)
    return "".join(expired.told())


def test_events_are_looked_at_and_counted() -> None:
    event = delivery({"callback": {"deadline": "2026-03-02T10:30:00Z"}})

    assert "data.callback.deadline (2)" in looked(event, event)


NAMES = [
    "exp",
    "Expiry",
    "tokenExpiresAt",
    "validTo",
    "activeTo",
    "ACTIVE_TILL",
    "activeThrough",
    "notAfter",
    "NotOnOrAfter",
    "xDeadline",
]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_of_an_end_in_an_event_is_looked_at(name: str) -> None:
    assert f"data.{name} (1)" in looked(delivery({name: AT + 60}))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_of_an_end_in_an_answer_is_looked_at(name: str) -> None:
    assert f"body.{name} (1)" in told({name: AT + 60})


def test_escaped_and_wide_names_in_answers_are_looked_at() -> None:
    assert "body.exp (1)" in told(body({"exp": AT + 60}).replace(b"exp", rb"\u0065xp"))
    assert "body.exp (1)" in told(json.dumps({"exp": AT + 60}).encode("utf-16"))


def test_escaped_and_wide_names_and_tokens_in_events_are_looked_at() -> None:
    escaped = delivery({"exp": AT + 60})

    assert "data.exp (1)" in looked(replace(escaped, body=escaped.body.replace(b"exp", rb"\u0065xp")))
    assert "data.exp (1)" in looked(delivery({"exp": AT + 60}, "utf-16"))
    assert "data.* (1)" in looked(delivery([TOKEN]))


def test_an_event_is_looked_at_that_began_in_another_chunk() -> None:
    expired = Expired(AT, NOW)
    expired.event(Event(1, 0, 0, 0, "c", "/a", {"exp": AT + 60}), Chunk(1, 0, 0, b"\n\n", False))

    assert "data.exp (1)" in "".join(expired.told())


def test_an_end_in_an_answer_of_any_charset_is_told() -> None:
    its_type = (("Content-Type", "application/json; charset=Shift_JIS"),)  # the second byte of the name is a backslash
    content = f'{{"name": "表", "expires_at": {AT + 60}}}'.encode("shift_jis")
    expired = Expired(AT, NOW)
    expired.response(Response(1, 0, 0, 200, its_type, content))

    assert "body.expires_at (1)" in "".join(expired.told())
