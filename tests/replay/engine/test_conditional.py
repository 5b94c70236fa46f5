"""A client whose cache holds the recorded answer gets the answer again; HEAD is no GET."""

from __future__ import annotations

import pytest

from recorder.model import Headers
from tests.replay.stage import Stage
from tests.wire import Ask, Wire

PAGE = b'{"name":"Ann"}'
HEADERS: Headers = (("ETag", '"e1"'), ("Last-Modified", "Tue, 01 Dec 2026 10:00:00 GMT"), ("Content-Length", "14"))


def stage() -> Stage:
    wire = Wire()
    desk = wire.desk()
    for method, body in (("GET", PAGE), ("HEAD", b"")):
        wire.respond(desk.post(Ask("/page", b"", method=method)), body, headers=HEADERS)
    return Stage(wire.recording())


@pytest.mark.parametrize(
    "asked", [(), (("If-None-Match", '"e1"'),), (("If-Modified-Since", "Tue, 01 Dec 2026 10:00:00 GMT"),)]
)
def test_a_conditional_request_gets_the_whole_answer(asked: Headers) -> None:
    played = stage()
    desk = played.desk(headers=asked)

    reply = desk.replies[desk.sends("GET", "/page", b"")]

    assert (reply.status, reply.body, dict(reply.headers)["ETag"]) == (200, PAGE, '"e1"')
    assert "Content-Length" not in dict(reply.headers)
    assert played.misses == []


def test_head_is_answered_with_the_recorded_length() -> None:
    played = stage()
    desk = played.desk()

    reply = desk.replies[desk.sends("HEAD", "/page", b"")]

    assert (reply.status, reply.body, dict(reply.headers)["Content-Length"]) == (200, b"", "14")
