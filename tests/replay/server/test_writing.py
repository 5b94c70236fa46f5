"""Answers as bytes: what is told, what is left out, and what a hostile value cannot do."""

from __future__ import annotations

import re

import pytest

from recorder.replay.engine.http import HttpResponse
from recorder.replay.server.parser import CLOSE, KEEP, KEEP_OLD
from recorder.replay.server.writing import written

JSON = (("Content-Type", "application/json;charset=UTF-8"),)
DATED = (("Date", "D"),)


def told(status: int, headers: tuple[tuple[str, str], ...], body: bytes, connection: bytes = KEEP) -> bytes:
    return written(HttpResponse(1, status, headers, body), connection)[0]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            HttpResponse(1, 200, (*DATED, *JSON, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")), b"[{}]"),
            (
                b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: application/json;charset=UTF-8\r\n"
                b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 4\r\nServer: outbound-recorder\r\n\r\n[{}]"
            ),
        ),
        (
            HttpResponse(1, 200, (*DATED, ("Server", "Jetty"), ("X-Empty", "")), b"x"),
            (
                b"HTTP/1.1 200 OK\r\nDate: D\r\nServer: Jetty\r\nX-Empty: \r\n"
                b"Content-Length: 1\r\nContent-Type: application/octet-stream\r\n\r\nx"
            ),
        ),
        (
            HttpResponse(1, 470, DATED, b""),
            (b"HTTP/1.1 470 Recorder Miss\r\nDate: D\r\nContent-Length: 0\r\nServer: outbound-recorder\r\n\r\n"),
        ),
        (
            HttpResponse(1, 599, DATED, b""),
            (b"HTTP/1.1 599 \r\nDate: D\r\nContent-Length: 0\r\nServer: outbound-recorder\r\n\r\n"),
        ),
    ],
    ids=lambda value: str(value.status) if isinstance(value, HttpResponse) else "",
)
def test_it_says_what_the_reply_says(reply: HttpResponse, expected: bytes) -> None:
    assert written(reply) == (expected, False)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(status: int) -> None:
    assert b"Content-Length" not in told(status, JSON, b"")


def test_an_answer_to_head_has_the_length_of_the_body_alone() -> None:
    content, _ = written(HttpResponse(1, 200, JSON, b"[{}]"), is_head=True)

    assert b"\r\nContent-Length: 4\r\n" in content
    assert content.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("connection", "line", "is_last"),
    [(KEEP, [], False), (KEEP_OLD, [b"keep-alive"], False), (CLOSE, [b"close"], True)],
)
def test_it_tells_what_becomes_of_the_connection(connection: bytes, line: list[bytes], is_last: bool) -> None:
    content, last = written(HttpResponse(1, 200, JSON, b""), connection)

    assert re.findall(rb"\r\nConnection: (.*)\r\n", content) == line
    assert last is is_last


@pytest.mark.parametrize("connection", [KEEP, CLOSE])
def test_an_answer_that_says_it_closes_the_connection_does(connection: bytes) -> None:
    content, last = written(HttpResponse(1, 421, (*JSON, ("Connection", "close")), b"{}"), connection)

    assert content.count(b"Connection: close") == 1
    assert last


def test_a_date_is_told() -> None:
    assert b"\r\nDate: " in told(200, JSON, b"")


@pytest.mark.parametrize("name", ["X Y", "X:Y", "X\r\nY", ""])
def test_what_is_no_name_of_a_header_is_left_out(name: str) -> None:
    content = told(200, (*JSON, (name, "value")), b"")

    names = {line.partition(b":")[0] for line in content.split(b"\r\n")[1:-2]}
    assert names == {b"Content-Type", b"Content-Length", b"Server", b"Date"}


def test_what_would_end_a_header_is_replaced() -> None:
    content = told(200, (*JSON, ("X-Text", "a\r\nSet-Cookie: b\x00\ud800")), b"")

    assert b"\r\nX-Text: a??Set-Cookie: b??\r\n" in content


def test_a_recorded_length_of_an_answer_to_head_is_the_only_one() -> None:
    content, _ = written(HttpResponse(1, 200, (*JSON, ("Content-Length", "4711")), b""), is_head=True)

    assert content.count(b"Content-Length") == 1
    assert b"\r\nContent-Length: 4711\r\n" in content
    assert content.endswith(b"\r\n\r\n")


def test_the_answer_to_a_head_that_told_no_length_tells_none() -> None:
    content, _ = written(HttpResponse(1, 200, JSON, b""), is_head=True)

    assert b"content-length" not in content.lower()
