"""Each side sees the addresses that it knows: the client those of the recorder, the upstreams their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.translation import Addresses, Upstream, without_digests
from recorder.links.rewriting import Origin
from recorder.model import Headers

GWS, LOGIN = (
    Upstream(Origin("gws.example", secure=True), 5000),
    Upstream(Origin("login.example:8443", secure=True), 5001),
)
ONE = Addresses([GWS], 5000, Origin("localhost:5000"))
BOTH = Addresses([GWS, LOGIN], 5000, Origin("localhost:5000"))
AT_LOGIN = Addresses([GWS, LOGIN], 5001, Origin("localhost:5001"))
TLS = Addresses([GWS, LOGIN], 5000, Origin("desk:5000", secure=True))
JSON: Headers = (("Content-Type", "application/json"),)


def answered(value: str, name: str = "X-Link", addresses: Addresses = BOTH) -> list[str]:
    return [value for _, value in addresses.response_headers(((name, value),))]


def asked(value: str, name: str = "Referer", addresses: Addresses = BOTH) -> list[str]:
    return [value for _, value in addresses.request_headers(((name, value),))]


@pytest.mark.parametrize(
    ("name", "sent", "seen"),
    [
        ("Location", "https://gws.example/a", "http://localhost:5000/a"),
        ("Location", "https://login.example:8443/?back=https%3A%2F%2Fgws.example%2Fb",
         "http://localhost:5001/?back=http%3A%2F%2Flocalhost%3A5000%2Fb"),
        ("Link", '<https://gws.example/2>; rel="next"', '<http://localhost:5000/2>; rel="next"'),
        ("Refresh", "0; url=//gws.example/", "0; url=//localhost:5000/"),
        ("Content-Location", "https://other.example/", "https://other.example/"),
        ("Access-Control-Allow-Origin", "https://gws.example", "http://localhost:5000"),
        ("WWW-Authenticate", 'Bearer authorization_uri="https://login.example:8443/a"',
         'Bearer authorization_uri="http://localhost:5001/a"'),
        ("WWW-Authenticate", 'Digest realm="https://gws.example"', 'Digest realm="https://gws.example"'),
        ("Content-Security-Policy", "default-src 'self'; upgrade-insecure-requests;connect-src gws.example wss://gws.example",
         "default-src 'self';connect-src localhost:5000 ws://localhost:5000"),
    ],
)  # fmt: skip
def test_headers_of_an_answer_lead_to_the_recorder(name: str, sent: str, seen: str) -> None:
    assert answered(sent, name) == [seen]


@pytest.mark.parametrize("name", ["Strict-Transport-Security", "Alt-Svc"])
def test_headers_that_lead_past_the_recorder_are_not_for_the_client(name: str) -> None:
    assert answered("max-age=1", name) == []


def test_a_client_that_speaks_tls_gets_links_with_tls() -> None:
    assert answered("wss://gws.example/a https://login.example:8443/", addresses=TLS) == [
        "wss://desk:5000/a https://desk:5001/"
    ]


def test_an_upstream_alone_is_no_other_one() -> None:
    assert answered("https://login.example:8443/", addresses=ONE) == ["https://login.example:8443/"]


@pytest.mark.parametrize(
    ("name", "sent", "seen"),
    [
        ("Origin", "http://localhost:5000", "https://gws.example"),
        ("Referer", "http://localhost:5001/login?x=1", "https://login.example:8443/login?x=1"),
        ("Referer", "http://127.0.0.1:5000/", "https://gws.example/"),
        ("Origin", "http://localhost:5002", "http://localhost:5002"),
        ("Authorization", 'Digest realm="http://localhost:5000"', 'Digest realm="http://localhost:5000"'),
        ("Host", "localhost:5000", "localhost:5000"),
    ],
)
def test_headers_of_a_request_name_the_upstreams(name: str, sent: str, seen: str) -> None:
    assert asked(sent, name) == [seen]


def test_targets_and_bodies_of_a_request_name_the_upstreams() -> None:
    form: Headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    soap = b'<a xmlns="urn:x"><endpoint>http://localhost:5000/soap</endpoint></a>'

    assert BOTH.target("/a?redirect_uri=http%3A%2F%2Flocalhost%3A5001%2Fcb") == (
        "/a?redirect_uri=https%3A%2F%2Flogin.example%3A8443%2Fcb"
    )
    assert BOTH.request_body(b"r=http%3A%2F%2Flocalhost%3A5000%2F", form) == b"r=https%3A%2F%2Fgws.example%2F"
    assert BOTH.request_body(soap, ()) == soap.replace(b"http://localhost:5000", b"https://gws.example")
    assert BOTH.request_body(b'{"cb":"http://localhost:1717/"}', JSON) == b'{"cb":"http://localhost:1717/"}'


@given(
    st.text("ab:/.%\"'{}\\ ", max_size=20),
    st.sampled_from(["https://gws.example", "//login.example:8443/x", r"wss:\/\/gws.example"]),
)
def test_what_the_client_sends_back_is_what_the_server_sent(text: str, link: str) -> None:
    sent = f'"{text}" {link} "{text}"'.encode()
    seen = TLS.response_body(sent, JSON)

    assert b"gws.example" not in seen
    assert b"login.example" not in seen
    assert TLS.request_body(seen, JSON) == sent


# Cookies


@pytest.mark.parametrize(
    ("addresses", "sent", "kept"),
    [
        (ONE, "sid=1; Path=/; HttpOnly; Secure", "sid=1; Path=/; HttpOnly"),
        (ONE, "sid=1; Domain=gws.example", "sid=1"),
        (ONE, "__Host-sid=1; Path=/; Secure", "recorder.5000.__Host-sid=1; Path=/"),
        (ONE, "__secure-sid=1; Secure", "recorder.5000.__secure-sid=1"),
        (TLS, "__Host-sid=1; Path=/; Secure", "__Host-sid=1; Path=/; Secure"),
        (BOTH, "sid=1; HttpOnly", "recorder.5000.sid=1; HttpOnly"),
        (AT_LOGIN, "sid=1; HttpOnly", "recorder.5001.sid=1; HttpOnly"),
        (AT_LOGIN, "sso=1; HttpOnly; Domain=.example", "sso=1; HttpOnly"),
        (BOTH, "csrf=1; Path=/", "csrf=1; Path=/"),
        (ONE, "next=https%3A%2F%2Fgws.example%2F", "next=http%3A%2F%2Flocalhost%3A5000%2F"),
    ],
)
def test_a_client_keeps_a_cookie_from_the_recorder(addresses: Addresses, sent: str, kept: str) -> None:
    assert answered(sent, "Set-Cookie", addresses) == [kept]


@pytest.mark.parametrize(
    ("addresses", "sent", "seen"),
    [
        (ONE, "a=1; recorder.5000.__Host-sid=2", ["a=1; __Host-sid=2"]),
        (BOTH, "recorder.5000.sid=1; recorder.5001.sid=2; sso=3", ["sid=1; sso=3"]),
        (AT_LOGIN, "recorder.5000.sid=1; recorder.5001.sid=2; sso=3", ["sid=2; sso=3"]),
        (AT_LOGIN, "recorder.5000.sid=1", []),
        (BOTH, "a=1;b=2", ["a=1;b=2"]),
    ],
)
def test_an_upstream_gets_its_own_cookies(addresses: Addresses, sent: str, seen: list[str]) -> None:
    assert asked(sent, "Cookie", addresses) == seen


def test_a_changed_body_has_no_digest_of_the_old_one() -> None:
    headers: Headers = (("Digest", "sha-256=x"), ("content-md5", "x"), ("ETag", '"e"'))

    assert without_digests(headers) == (("ETag", '"e"'),)


def pushing(body: str, here: Origin = Origin("localhost:5000")) -> str:  # noqa: B008  # frozen
    addresses = Addresses([GWS, LOGIN], 5000, here, lambda path: path.startswith("/events/"))
    return addresses.push_body(body.encode(), (("Content-Type", "application/json"),)).decode()


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ('{"connectUri":"wss://gws.example/c/1"}', '{"connectUri":"ws://localhost:5000/c/1"}'),
        (r'{"connectUri":"wss:\/\/gws.example\/c\/1"}', r'{"connectUri":"ws:\/\/localhost:5000\/c\/1"}'),
        ('{"u":"https://gws.example/events/7?x=1"}', '{"u":"http://localhost:5000/events/7?x=1"}'),
        (r'{"u":"https:\/\/gws.example\/events\/7"}', r'{"u":"http:\/\/localhost:5000\/events\/7"}'),
        (
            '{"u":"https://gws.example/me","w":"WSS://GWS.example/x"}',
            '{"u":"https://gws.example/me","w":"ws://localhost:5000/x"}',
        ),
    ],
)
def test_urls_of_push_lead_to_the_recorder_though_no_others_do(sent: str, seen: str) -> None:
    assert pushing(sent) == seen


@pytest.mark.parametrize(
    "sent",
    [
        '{"u":"https://gws.example/me"}',
        '{"u":"wss://other.example/c/1"}',
        '{"u":"https://gws.example/event"}',
        '{"a":1}',
    ],
)
def test_other_urls_stay_as_they_are(sent: str) -> None:
    assert pushing(sent) == sent


def test_a_link_header_may_name_where_events_come_from() -> None:
    addresses = Addresses([GWS], 5000, Origin("localhost:5000"), lambda path: path == "/.well-known/mercure")
    sent = (("Link", '<https://gws.example/.well-known/mercure>; rel="mercure", <https://gws.example/a>; rel=next'),)

    assert addresses.push_headers(sent) == (
        ("Link", '<http://localhost:5000/.well-known/mercure>; rel="mercure", <https://gws.example/a>; rel=next'),
    )
