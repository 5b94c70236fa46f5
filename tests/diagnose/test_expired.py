"""Dates that were to come when they were recorded, and are over by now, are told: a client acts on them."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.diagnose.expired import Expired
from recorder.formats.web_tokens import with_claims
from recorder.model import Event, Response
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


def test_events_are_looked_at_and_counted() -> None:
    expired = Expired(AT, NOW)
    for number in range(2):
        expired.event(Event(number, 0, 0, 0, "c", "/a", {"callback": {"deadline": "2026-03-02T10:30:00Z"}}))

    assert "data.callback.deadline (2)" in "".join(expired.told())


def test_an_end_in_an_answer_of_any_charset_is_told() -> None:
    its_type = (("Content-Type", "application/json; charset=Shift_JIS"),)  # the second byte of the name is a backslash
    content = f'{{"name": "表", "expires_at": {AT + 60}}}'.encode("shift_jis")
    expired = Expired(AT, NOW)
    expired.response(Response(1, 0, 0, 200, its_type, content))

    assert "body.expires_at (1)" in "".join(expired.told())
