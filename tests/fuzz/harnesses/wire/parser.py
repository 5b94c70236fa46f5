"""The parser of HTTP: the same requests come, however the bytes are cut, and whatever heads are known."""

from __future__ import annotations

from dataclasses import replace

from recorder.replay.server.limits import Limits
from recorder.replay.server.parser import Continue, KnownHeads, RawRequest, Refusal, RequestParser
from tests.fuzz.drawing import Draw

TOKENS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.1\r\n", b"\r\n\r\n", b"\n\n", b"Host: x\r\n", b"HTTP/1.0",
    b"Content-Length: 2\r\n", b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", b"2\r\n{}\r\n", b"Expect: 100-continue\r\n", b"/socket",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"Content-Encoding: gzip\r\n", b"Connection: close\r\n",
    b"http://z/a", b"Origin: http://p\r\n", b"X: a\rb", b" folded\r\n", b"Trailer: x\r\n", b"TE: trailers\r\n", b";x",
)  # fmt: skip
LIMITS = Limits(body=1000, head=2000, headers=20)
HEADS = KnownHeads(8)  # of all inputs


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    cuts = draw.raw(8)
    sent = draw.rest()
    whole = _told(_read([sent], KnownHeads(0)))
    parts = Draw(cuts).pieces(sent)

    assert _told(_read(parts, KnownHeads(0))) == whole
    assert _told(_read([sent], HEADS)) == whole
    assert _told(_read(parts, HEADS)) == whole


def _read(parts: list[bytes], heads: KnownHeads) -> list[RawRequest | Continue | Refusal]:
    reader = RequestParser(heads, LIMITS, lambda target: target.startswith("/socket"))
    found: list[RawRequest | Continue | Refusal] = []
    for part in parts:
        reader.feed(part)
        while (event := reader.next()) is not None:
            found.append(event)
        assert reader.ahead >= 0
        assert reader.waiting is not None
    return found


def _told(found: list[RawRequest | Continue | Refusal]) -> list[RawRequest | Refusal]:
    """Without what depends on the cuts: whether a client had to be asked, how far a refused target was read."""
    kept = [event for event in found if not isinstance(event, Continue)]
    return [replace(event, call="") if isinstance(event, Refusal) else event for event in kept]
