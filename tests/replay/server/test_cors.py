"""Pages of other origins: preflights are answered, and what the stand-in answers can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.server.cors import preflight, readable

ORIGIN = "http://localhost:3000"
ASKS: Headers = (
    ("Origin", ORIGIN),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization,content-type"),
)
ACK = HttpResponse(7, 200, (("Content-Type", "application/json"),), b'{"statusCode": 0}')


def request(*headers: tuple[str, str], method: str = "POST") -> HttpRequest:
    return HttpRequest(7, "c1", method, "/api/v2/me/outbound-records/7", headers, b"")


def of_page(reply: HttpResponse, origin: str = ORIGIN) -> dict[str, str]:
    """The headers of a reply to a page; none of them is there twice."""
    headers = readable(reply, request(("Origin", origin))).headers
    assert len({name.lower() for name, _ in headers}) == len(headers)
    return dict(headers)


def test_a_preflight_is_granted_what_it_asks_for() -> None:
    reply = preflight(request(*ASKS, method="OPTIONS"))

    assert reply is not None
    assert (reply.number, reply.status, reply.body) == (7, 204, b"")
    assert dict(reply.headers) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "authorization,content-type",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def test_a_preflight_that_asks_for_no_headers_is_granted_none() -> None:
    reply = preflight(request(*ASKS[:2], method="OPTIONS"))

    assert reply is not None
    assert "Access-Control-Allow-Headers" not in dict(reply.headers)


@pytest.mark.parametrize("asks", [ASKS[:1], ASKS[1:], ()], ids=["no method", "no origin", "neither"])
def test_another_options_request_is_no_preflight(asks: Headers) -> None:
    assert preflight(request(*asks, method="OPTIONS")) is None


def test_a_request_that_is_no_options_is_no_preflight() -> None:
    assert preflight(request(*ASKS, method="POST")) is None


def test_a_page_may_read_an_answer_and_all_its_headers() -> None:
    headers = (("X-CSRF-TOKEN", "t"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Recorder-Miss", "played"))

    reply = readable(HttpResponse(7, 470, headers, b""), request(("Origin", ORIGIN)))

    assert reply == HttpResponse(
        7,
        470,
        (
            *headers,
            ("Access-Control-Allow-Origin", ORIGIN),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "X-CSRF-TOKEN, X-Recorder-Miss"),
            ("Vary", "Origin"),
        ),
        b"",
    )


def test_an_answer_without_headers_exposes_none() -> None:
    assert "Access-Control-Expose-Headers" not in of_page(HttpResponse(7, 400, (), b""))


def test_what_was_recorded_of_another_origin_is_replaced() -> None:
    recorded = (
        ("access-control-allow-origin", "https://desktop.example"),
        ("Access-Control-Expose-Headers", "X-Other"),
        ("Content-Type", "application/json"),
    )

    headers = of_page(HttpResponse(7, 200, recorded, b""))

    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Expose-Headers"] == "Content-Type"


def test_a_recorded_vary_is_kept() -> None:
    assert (
        of_page(HttpResponse(7, 200, (("vary", "Accept-Encoding, origin"),), b""))["vary"] == "Accept-Encoding, origin"
    )


def test_without_an_origin_an_answer_stays_as_it_is() -> None:
    reply = HttpResponse(7, 200, (("Access-Control-Allow-Origin", "https://desktop.example"),), b"{}")

    assert readable(reply, request(("Host", "localhost"))) is reply


@pytest.mark.parametrize("origin", ["null", "https://[::1]:8443", "chrome-extension://abc", "HTTP://Desk.example"])
def test_every_origin_a_browser_can_have_is_answered_with_itself(origin: str) -> None:
    assert of_page(ACK, origin)["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://a\r\nSet-Cookie: a=1",
        "http://a\n",
        "null\n",
        "http://a b",
        "http://a, http://b",
        "*",
        "",
        "http://a\x85",
    ],
)
def test_what_is_no_origin_gets_no_header(origin: str) -> None:
    page = ("Origin", origin)

    assert readable(ACK, request(page)) is ACK
    assert preflight(request(page, *ASKS[1:], method="OPTIONS")) is None


def test_two_origins_are_none() -> None:
    assert readable(ACK, request(("Origin", ORIGIN), ("origin", ORIGIN))) is ACK


@given(st.text(), st.text(), st.text())
def test_whatever_is_asked_no_header_line_can_be_ended(origin: str, method: str, names: str) -> None:
    asks = (("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", names))
    safe = (("Origin", ORIGIN), *asks[1:])
    replies = [
        readable(ACK, request(*asks)),
        preflight(request(*asks, method="OPTIONS")),
        preflight(request(*safe, method="OPTIONS")),
    ]

    values = [value for reply in replies if reply is not None for _, value in reply.headers]

    assert all(value.isascii() and value.isprintable() for value in values)


def test_a_page_of_a_public_address_may_ask_this_private_one() -> None:
    reply = preflight(request(*ASKS, ("Access-Control-Request-Private-Network", "true"), method="OPTIONS"))

    assert reply is not None
    assert dict(reply.headers)["Access-Control-Allow-Private-Network"] == "true"
