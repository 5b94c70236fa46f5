"""An answer that leads a client past the recorder is told at once, once for each host, with the field and the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.capture.led_away import KIND, Known, LedAway
from recorder.links.rewriting import Server
from recorder.model import Headers

GWS, OWN = Server("gws.example", 8090), Server("localhost", 5000)
KNOWN = Known(frozenset({GWS}), frozenset({OWN}), (b"gws.example",), rewritten=False)
REWRITTEN = Known(frozenset({GWS}), frozenset({OWN}), (b"gws.example",), rewritten=True)
JSON, XML, HTML = "application/json", "text/xml", "text/html"


def told(*answers: tuple[str, bytes, Headers], known: Known = KNOWN) -> list[str]:
    said: list[str] = []

    def tell(kind: str, _place: str, text: str) -> None:
        assert kind == KIND
        said.append(text)

    led_away = LedAway(tell, "--rewrite-links", "--also NAME={url}")
    for kind, body, headers in answers:
        led_away.answer((("Content-Type", kind), *headers), body, known)
    return said


@pytest.mark.parametrize(
    ("kind", "body", "headers", "field"),
    [
        (JSON, b'{"instance_url":"http://gws.example:8090"}', (), "instance_url"),
        (JSON, rb'{"u": "http:\/\/gws.example:8090\/x"}', (), "u"),
        (JSON, rb'{"urls":["wss://GWS.example:8090/x"]}', (), "urls"),
        (JSON, rb'["{\"u\":\"http://gws.example:8090/x\"}"]', (), "u"),
        (JSON, '{"a":"http://gws.example:8090/"}'.encode("utf-16-le"), (), "a"),
        (JSON, b'{"pushHost":"gws.example:8090"}', (), "pushHost"),
        ("text/javascript", b'cb({"u":"http://gws.example:8090/x"})', (), "u"),
        ("text/event-stream", b"data: http://gws.example:8090/x\n\n", (), "its body"),
        (XML, b"<r><serverUrl>http://gws.example:8090/s</serverUrl></r>", (), "serverUrl"),
        (HTML, b"<a href='//gws.example:8090/x'>", (), "href"),
        ("application/x-www-form-urlencoded", b"next=http%3A%2F%2Fgws.example%3A8090%2F", (), "next"),
        (JSON, b"", (("Location", "http://gws.example:8090/x"),), "Location"),
        (JSON, b"", (("Link", "<//gws.example:8090/x>"),), "Link"),
        (JSON, b"", (("Location", "//gws.example:8090/login"),), "Location"),
        (JSON, b"", (("Content-Location", "http://gws.example:8090/x"),), "Content-Location"),
        (JSON, b"", (("Refresh", "5; url=http://gws.example:8090/x"),), "Refresh"),
    ],
)  # fmt: skip
def test_the_upstreams_own_address_is_told(kind: str, body: bytes, headers: Headers, field: str) -> None:
    (said,) = told((kind, body, headers), (kind, body, headers))

    assert "names the upstream's own address gws.example:8090" in said
    assert f"({field})" in said
    assert "--rewrite-links" in said or field == "pushHost"


@pytest.mark.parametrize(
    ("kind", "body", "headers", "field", "url"),
    [
        (JSON, b'{"instance_url":"https://na1.example"}', (), "instance_url", "https://na1.example"),
        (XML, b"<serverUrl>http://na1.example:81/s</serverUrl>", (), "serverUrl", "http://na1.example:81"),
        (JSON, b'{"push":"wss://na1.example/p"}', (), "push", "https://na1.example"),
        (HTML, b"<form method=post action='https://idp.example/saml'>", (), "action", "https://idp.example"),
        (HTML, b"<script>location.href = 'https://idp.example/'</script>", (), "location.href", "https://idp.example"),
        (HTML, b"", (("Location", "https://idp.example/"),), "Location", "https://idp.example"),
        (JSON, b"", (("Link", "<https://b.example/2>; rel=next"),), "Link", "https://b.example"),
    ],
)
def test_another_host_is_told(kind: str, body: bytes, headers: Headers, field: str, url: str) -> None:
    for known in (KNOWN, REWRITTEN):
        (said,) = told((kind, body, headers), (kind, body, headers), known=known)

        assert "leads to another host" in said
        assert f"({field})" in said
        assert f"--also NAME={url} " in said


@pytest.mark.parametrize(
    ("kind", "body", "headers"),
    [
        (JSON, b'{"u":"http://localhost:5000/x","v":"http://127.0.0.1:5000"}', ()),
        (JSON, b'{"u":"/services/data","text":"see gws.example for more"}', ()),
        (XML, b'<e xmlns="http://www.w3.org/1999/xhtml" xmlns:a="https://ns.example/x">', ()),
        (HTML, b'<img src="https://cdn.example/a.png"> <a href="https://partner.example/">', ()),
        ("image/png", b"\x89PNG\x00//\x01http://gws.example:8090/", ()),
        (JSON, b"", (("Access-Control-Allow-Origin", "http://gws.example:8090"),)),
        (JSON, b"", (("Link", "<https://cdn.example/a.css>; rel=preload"),)),
        (JSON, b"", (("Set-Cookie", "a=1; Path=/; HttpOnly; Domain=localhost"),)),
    ],
)
def test_what_leads_nowhere_is_not_told(kind: str, body: bytes, headers: Headers) -> None:
    assert told((kind, body, headers)) == []


@pytest.mark.parametrize(
    "body", [b'{"pushHost":"gws.example:8090"}', b'[{"a":"http://gws.example:8090/","b":"gws.example:8090"}]']
)
def test_a_host_without_a_scheme_is_told_also_where_links_are_rewritten(body: bytes) -> None:
    (said,) = told((JSON, body, ()), (JSON, body, ()), known=REWRITTEN)

    assert "without a scheme" in said
    assert "no option changes this address" in said


@pytest.mark.parametrize("known", [KNOWN, REWRITTEN])
@pytest.mark.parametrize(
    ("location", "target", "is_told"),
    [
        ("https://gws.example:8090/a?b=1", "/a?b=1", True),
        ("HTTPS://GWS.example:8090", "/", True),
        ("https://gws.example:8090/login", "/a", False),
        ("http://gws.example:8090/a", "/a", False),
        ("https://other.example/a", "/a", False),
    ],
)
def test_an_upstream_that_wants_tls_is_told(location: str, target: str, is_told: bool, known: Known) -> None:
    said: list[str] = []
    led_away = LedAway(lambda _kind, _place, text: said.append(text), "--rewrite-links", "--also NAME={url}")

    led_away.answer((("Location", location),), b"", known, target)  # of an upstream by TLS
    assert not any("in its place" in text for text in said)
    led_away.answer((("Location", location),), b"", replace(known, plain=GWS), target)

    cure = "record https://gws.example:8090 in its place"
    assert sum(text.endswith(cure) for text in said) == is_told
    assert any("again and again" in text for text in said) == (is_told and known.rewritten)


def test_what_is_rewritten_is_not_told() -> None:
    headers = (("Location", "http://gws.example:8090/x"), ("Set-Cookie", "a=1; Domain=gws.example; Secure"))

    assert told((JSON, b'{"u":"http://gws.example:8090/"}', headers), known=REWRITTEN) == []


def test_cookies_that_a_client_does_not_keep_are_told_once() -> None:
    cookies = (
        ("Set-Cookie", "a=1; Domain=.gws.example; Path=/"),
        ("Set-Cookie", "b=1; secure"),
        ("Set-Cookie", "c=1; Secure"),
    )

    first, second = told((JSON, b"", cookies), (JSON, b"", cookies))

    assert "the cookie a is for the domain gws.example (Domain in Set-Cookie)" in first
    assert "the cookie b is for TLS only (Secure in Set-Cookie)" in second


def test_a_host_is_told_as_soon_as_it_is_led_to_and_not_only_shown() -> None:
    shown, sent = b'<img src="https://idp.example/a.png">', b'<form action="https://idp.example/">'

    assert len(told((HTML, shown, ()), (HTML, sent, ()))) == 1
    assert len(told((HTML, shown, ()), (JSON, b'{"u":"https://idp.example/"}', ()))) == 1


def test_a_list_of_web_sites_is_not_told_to_its_end() -> None:
    body = b"[" + b",".join(b'{"site":"https://s%d.example/"}' % n for n in range(500)) + b"]"

    assert len(told((JSON, body, ()))) == 20
