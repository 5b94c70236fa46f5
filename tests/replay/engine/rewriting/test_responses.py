"""What a matched request is answered with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.model import Failure, Headers, Triple
from recorder.replay.engine.rewriting.responses import Ack, prepare, refused, respond
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.requests.bindings import Bindings, first_run
from recorder.requests.request import MintedId
from tests.wire import Wire, chained

GWS = load()
MINTED = MintedId(0, "reference", "recorded-id", "recorded-id", first_run("recorded-id"))


def answered(content: Any, headers: Headers = ()) -> Triple:
    wire = Wire()
    wire.respond(wire.desk().post(chained(7, "recorded-id")), content, headers=headers)
    return wire.recording().triples[0]


def told(triple: Triple, cookie: str = "c") -> Ack:
    """What one client is told, which is the same whether it is rewritten for each client or not."""
    bindings = Bindings()
    bindings.bind("reference", "recorded-id", "live")
    rewriter, prepared = Rewriter(GWS, bindings), prepare(triple, GWS)
    found = respond(prepared, rewriter, cookie, GWS)
    operation = Rewriter(GWS, minted=[MINTED], fresh=["live"])
    assert found == respond(prepare(triple, GWS, [MINTED]), operation, cookie, GWS)
    assert found == respond(replace(prepared, varies=True), rewriter, cookie, GWS)
    return found


def test_values_of_the_client_stand_in_body_and_headers() -> None:
    triple = answered({"statusCode": 0, "referenceId": "recorded-id"}, (("Location", "/x/recorded-id"),))

    status, headers, body = told(triple)

    assert (status, dict(headers)["Location"], body) == (200, "/x/live", b'{"statusCode":0,"referenceId":"live"}')


@pytest.mark.parametrize("content", [b'{ "statusCode" : 0 }', b"text", b"", b'{"a":1.0}'])
def test_a_body_without_such_values_is_left_alone_byte_for_byte(content: bytes) -> None:
    assert told(answered(content))[2] == content


def test_session_cookies_are_ours_and_others_are_as_recorded() -> None:
    cookies = (("Set-Cookie", "JSESSIONID=old; Path=/; HttpOnly"), ("Set-Cookie", "theme=dark"))

    _, headers, _ = told(answered({}, cookies), "ours")

    assert [value for name, value in headers if name == "Set-Cookie"] == [
        "JSESSIONID=ours; Path=/; HttpOnly",
        "theme=dark",
    ]


def test_a_cookie_is_not_bound_to_the_recorded_host_or_its_tls() -> None:
    cookie = "theme=dark; Domain=gws.example; Path=/; Secure; SameSite=None; HttpOnly"

    _, headers, _ = told(answered({}, (("Set-Cookie", cookie),)), "ours")

    assert dict(headers)["Set-Cookie"] == "theme=dark; Path=/; HttpOnly"


def test_headers_of_the_connection_are_not_replayed() -> None:
    gone = ("Transfer-Encoding", "Connection", "Date", "Content-Length", "Content-Encoding")

    _, headers, _ = told(answered({}, tuple((name, "x") for name in gone)))

    assert [name for name, _ in headers] == ["Content-Type"]


def test_what_was_never_answered_is_answered_with_a_reason() -> None:
    triple = replace(answered({}), ack=None, failure=Failure(9, 0, 1, "Client disconnected."))

    assert told(triple)[::2] == (504, b"recorded without an answer: Client disconnected.\n")
    assert b"the capture ended" in told(replace(triple, failure=None))[2]


def test_a_fault_puts_its_own_in_the_place_of_the_ack() -> None:
    status, headers, body = respond(refused(503, b'{"error":1}'), Rewriter(GWS, Bindings()), "c", GWS)

    assert (status, body) == (503, b'{"error":1}')
    assert dict(headers)["Content-Type"].startswith("application/json")


def test_headers_that_the_recorded_connection_names_are_not_replayed() -> None:
    recorded = (("Connection", "X-Hop , close"), ("x-hop", "1"), ("X-End", "2"))

    _, headers, _ = told(answered({}, recorded))

    assert [name for name, _ in headers] == ["Content-Type", "X-End"]


@pytest.mark.parametrize("status", [0, 99, 101, 199, 1000])
def test_a_status_that_ends_no_answer_is_told(status: int) -> None:
    triple = answered({})
    assert triple.ack is not None

    made = told(replace(triple, ack=replace(triple.ack, status=status)))

    assert made[::2] == (502, f"recorded with the status {status}, which is no answer\n".encode())


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("HEAD", b"", "4711"), ("GET", b"", None), ("GET", b"{}", None), ("HEAD", b"x", None)],
)
def test_the_answer_to_head_alone_keeps_the_length_of_the_body_that_was_not_sent(
    method: str, body: bytes, length: str | None
) -> None:
    triple = answered(body, (("Content-Length", "4711"),))

    _, headers, _ = told(replace(triple, request=replace(triple.request, method=method)))

    assert dict(headers).get("Content-Length") == length
