"""What came in place of Bayeux messages is told, as the client met it."""

from __future__ import annotations

import pytest

from recorder.bayeux.messages import carried
from recorder.diagnose.answers import otherwise, strange
from recorder.model import CUT, Headers, Note, Response
from tests.wire import Wire, chained, state_event
from tests.wrappings import WRAPPINGS

HTML: Headers = (("Content-Type", "text/html; charset=utf-8"),)
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
LOGIN = b"<!DOCTYPE html><html><form action=/login><input type=password></form></html>"


def said(status: int, body: bytes = b"", headers: Headers = ()) -> str | None:
    response = Response(1, 0, 1, status, headers, body)
    return otherwise(response, carried(response))


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (503, (("retry-after", "2"),), b"<html/>", "HTTP 503, Retry-After 2"),
        (503, (("Retry-After", DATE),), b"", f"HTTP 503, Retry-After {DATE}"),
        (401, (), LOGIN, "HTTP 401"),
        (429, (), b"", "HTTP 429"),
        (500, (), b'[{"channel":"/meta/connect","successful":false}]', "HTTP 500"),
        (302, (("Location", "/login?token=secret#x"),), b"", "a redirect to /login (302)"),
        (307, (), b"", "a redirect (307)"),
        (304, (), b"", "HTTP 304"),
        (204, (), b"", "no content (HTTP 204)"),
        (200, (), b"", "an empty body"),
        (200, (), b" \r\n", "an empty body"),
        (200, HTML, LOGIN, "an HTML page with a form, as for a login"),
        (200, (), LOGIN, "an HTML page with a form, as for a login"),
        (200, (), LOGIN.decode().encode("utf-16"), "an HTML page with a form, as for a login"),
        (200, HTML, b"<html><body>down</body></html>", "an HTML page"),
        (200, (), b"\xef\xbb\xbf\n<html lang=de>", "an HTML page"),
        (200, HTML, b"Bitte warten", "an HTML page"),
        (200, (), b'{"statusCode":20}', "JSON without Bayeux messages"),
        (200, (), b"while(1);[1]", "JSON without Bayeux messages"),
        (200, (), b"[]", "an empty array"),
        (200, (("Content-Type", "Text/Plain; x=y"),), b"OK", "content of type text/plain that is no JSON"),
        (200, (), b"OK", "content that is no JSON"),
        (200, (), b'[{"channel":', "content that is no JSON"),
        (200, (), b"[" * 300 + b"]" * 300, "JSON that cannot be read here: nested too deeply"),
    ],
)  # fmt: skip
def test_an_answer_without_messages_is_told(status: int, headers: Headers, body: bytes, expected: str) -> None:
    assert said(status, body, headers) == expected


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_bayeux_messages_are_none_in_every_wrapping(wrapping: str) -> None:
    assert said(200, WRAPPINGS[wrapping](b'[{"channel":"/meta/connect","successful":true}]')) is None


def test_the_strange_answers_of_a_capture_are_told_with_what_was_asked_for() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    wire.respond(desk.polls(), LOGIN)
    wire.respond(desk.post(chained(7)), LOGIN)
    desk.hears(state_event())
    subscribe = {"channel": "/meta/subscribe", "clientId": "c1", "subscription": "/a"}
    wire.respond(desk.bayeux(subscribe, {"channel": "/a", "data": 1, "clientId": "c1"}), b"", 502)
    wire.fail(desk.polls())

    found = [(one.asked, one.text) for one in strange(wire.records)]

    assert found == [("poll", "an HTML page with a form, as for a login"), ("subscribe, publish", "HTTP 502")]


@pytest.mark.parametrize("is_last", [True, False])
def test_nothing_is_told_of_a_body_that_was_not_kept(is_last: bool) -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.polls(), b"")
    seq = len(wire.records) - 1
    wire.records.append(Note(seq + 1, 0, CUT, f"record {seq} is kept without its body: not valid 'br'"))
    if not is_last:
        desk.hears()

    assert list(strange(wire.records)) == []
