"""Links and cookies: places are inside the text, other text stays, and a body in pieces is changed as in one."""

from __future__ import annotations

from recorder.formats.dates import cookie_date, http_date, moved, seconds_of
from recorder.links import cookies
from recorder.links.pieces import Pieces
from recorder.links.rewriting import Links, Origin, Server, links, may_link, path_behind, server_at, upstream_of
from recorder.model import Response
from tests.fuzz.drawing import Draw

HOST = "gws.example"
TOKENS = (
    b"http://gws.example/", b"https:\\/\\/gws.example:8090\\/a", b"//gws.example", b"%2F%2Fgws.example",
    b"&#x2F;&#47;", b"\\u002f\\u002F", b"http%253A%252F%252F", b"user:pw@", b"[::1]", b":99999", b"ws://",
    b"gws.example.", b"xn--nxasmq6b", "gẃs.example".encode(), b"\x00", b"; Domain=x",
    b"; Expires=Mon, 20 Nov 2020 10:00:00 GMT", b"; Max-Age=", b"__Host-", b"&colon;&sol;", b"\xff\xfe", b"; Secure",
    b"; SameSite=None", b"HTTP", b"99999999999999999999", b"2026-10-21T10:00:00Z",
)  # fmt: skip
MEDIA = ("text/html", "application/json", "text/plain; charset=utf-16", "", "image/png", "text/xml; charset=utf-7")
KNOWN = Links([Server(HOST, 0), Server(HOST, 8090)])
ORIGIN = Origin("localhost:7777")


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    mode, media, cuts = draw.below(4), draw.pick(MEDIA), draw.raw(8)
    body = draw.rest()
    text = body.decode("utf-8", "surrogateescape")
    if mode == 0:
        _cookies(text)
    elif mode == 1:
        _pieces(Draw(cuts).pieces(body))
    else:
        _links(text)
        response = Response(0, 0, 0, 302, (("Content-Type", media), ("Location", text[:300])), body)
        KNOWN.response(response, ORIGIN)


def _links(text: str) -> None:
    last = 0
    for link in links(text):
        assert last <= link.start < link.end <= len(text)
        assert link.scheme is None or last <= link.scheme[0] < link.scheme[1] <= link.start
        path_behind(text, link)
        last = link.end
    assert may_link(text.encode("utf-8", "surrogateescape")) or not last
    server_at(text)
    upstream_of(text)
    once = KNOWN.rewritten(text, ORIGIN)
    assert KNOWN.rewritten(once, ORIGIN) == once or any(link.server in KNOWN.known for link in links(once))
    if not last:
        assert once is text


def _cookies(text: str) -> None:
    attributes = text.split(";")
    cookies.unbound(attributes, name=text[:9])
    cookies.is_over(attributes, 1e9)
    cookies.ends(attributes)
    cookies.endless(attributes)
    cookies.later(attributes, 0.0, 1e9)
    found = cookie_date(text)
    if found is not None:
        assert cookie_date(http_date(found)) == found
    seconds_of(text)
    moved(text, 86_400)


def _pieces(parts: list[bytes]) -> None:
    reader = Pieces(lambda piece: piece)
    found = [one for part in parts if part for one in reader.feed(part)]

    assert b"".join([*found, *reader.feed(b"")]) == b"".join(parts)
