"""Requests that break the rules of HTTP, or are odd: each gets its answer at once, and what is refused is counted.

A row is what a client sends, in one or more parts, and the statuses that come back until the connection ends; the
client closes its half after its last part. `400` and its like are ours, and counted as misses; `470` is the engine's,
for a request that is read and nowhere recorded.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import pytest

from recorder.replay.server.driver import Callbacks
from recorder.replay.server.limits import Limits
from tests.fuzz.fuzz_standin import upgrade
from tests.replay.server.clients import ASKED, standin, statuses, with_client

HANDSHAKE = b'[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]'
BAYEUX = b"/api/v2/notifications"
LIMITS = Limits(body=2000, head=1 << 16, headers=128)
QUICK = Limits(body=2000, sending=0.05, idle=0.05)
OK, MISS = 200, 470


def ask(
    *lines: bytes,
    method: bytes = b"GET",
    target: bytes = b"/x",
    version: bytes = b"HTTP/1.1",
    body: bytes = b"",
    host: bytes = b"Host: a\r\n",
) -> bytes:
    head = b"".join(line + b"\r\n" for line in lines)
    return method + b" " + target + b" " + version + b"\r\n" + host + head + b"\r\n" + body


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/x", version: bytes = b"HTTP/1.1") -> bytes:
    return ask(*lines, method=b"POST", body=body, target=target, version=version)


def shake(*lines: bytes, body: bytes = HANDSHAKE) -> bytes:
    return post(*lines, b"Content-Length: %d" % len(body), body=body, target=BAYEUX)


CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 2"
GOOD = ask()
SHAKEN = shake()
OPERATION = post(b"Content-Length: %d" % len(ASKED.body), body=ASKED.body, target=ASKED.target.encode())
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
TLS = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))
GZIP = gzip.compress(HANDSHAKE, mtime=0)
TUNNEL = b"CONNECT gws.example:443 HTTP/1.1\r\nHost: gws.example:443\r\n\r\n"
H2C = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
WEBSOCKET = upgrade()

ROWS: dict[str, tuple[bytes | list[bytes], list[int]]] = {
    # How long a body is
    "two lengths that agree": (post(LENGTH, LENGTH, body=b"{}"), [400]),
    "two lengths that differ": (post(LENGTH, b"Content-Length: 3", body=b"{}"), [400]),
    "a list of lengths": (post(b"Content-Length: 2, 2", body=b"{}"), [400]),
    "a length with a sign": (post(b"Content-Length: +2", body=b"{}"), [400]),
    "a length below zero": (post(b"Content-Length: -1"), [400]),
    "a length in hex": (post(b"Content-Length: 0x2", body=b"{}"), [400]),
    "a length that is none": (post(b"Content-Length: two"), [400]),
    "no length at all": (post(b"Content-Length:"), [400]),
    "a length beyond 64 bits": (post(b"Content-Length: 99999999999999999999"), [400]),
    "a length over the limit": (post(b"Content-Length: 2001"), [413]),
    "a body over the limit": (post(b"Content-Length: 3000", body=bytes(3000)), [413]),
    "a length and chunks": (post(LENGTH, CHUNKED, body=b"0\r\n\r\n"), [400]),
    "chunks and a length": (post(CHUNKED, LENGTH, body=b"0\r\n\r\n"), [400]),
    "a body that is shorter than its length": (post(b"Content-Length: 9", body=b"{}"), [400]),
    "a GET with a body": (ask(LENGTH, body=b"{}") + GOOD, [MISS, MISS]),
    "more body than its length": (post(LENGTH, body=b"{}{}"), [MISS]),
    "more body, and a request behind it": (post(LENGTH, body=b"{}}") + GOOD, [MISS, MISS]),
    "more body, and lines in it": (post(LENGTH, body=b"{}\n}\n") + GOOD, [MISS, 400]),
    "an empty line behind a body": (post(LENGTH, body=b"{}\r\n") + GOOD, [MISS, MISS]),
    # Chunks
    "chunks": (post(CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n") + GOOD, [MISS, MISS]),
    "chunks with trailers": (post(CHUNKED, body=b"2\r\n{}\r\n0\r\nA: b\r\n\r\n") + GOOD, [MISS, MISS]),
    "chunks with extensions": (post(CHUNKED, body=b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n'), [MISS]),
    "an extension without an end": (post(CHUNKED, body=b"2;" + b"x" * 300_000), [400]),
    "extensions without an end": (post(CHUNKED, body=(b"1;" + b"x" * 30_000 + b"\r\nx\r\n") * 20), [400]),
    "a trailer without an end": (post(CHUNKED, body=b"0\r\nA: " + b"x" * 300_000), [400]),
    "trailers over the limit": (post(CHUNKED, body=b"0\r\n" + b"A: bbbbbbbbbb\r\n" * 9000), [431]),
    "a chunk's size that is none": (post(CHUNKED, body=b"zz\r\n"), [400]),
    "a chunk's size below zero": (post(CHUNKED, body=b"-1\r\n"), [400]),
    "a chunk's size beyond 64 bits": (post(CHUNKED, body=b"ffffffffffffffffff\r\nx"), [400]),
    "a chunk longer than its size": (post(CHUNKED, body=b"2\r\n{}x\r\n0\r\n\r\n"), [400]),
    "chunks with bare line feeds": (post(CHUNKED, body=b"2\n{}\n0\n\n"), [400]),
    "chunks over the limit": (post(CHUNKED, body=b"3e8\r\n" + bytes(1000) + b"\r\n" + b"7d0\r\n" + bytes(2000)), [413]),
    "chunks that never end": (post(CHUNKED, body=b"2\r\n{}\r\n"), [400]),
    "chunks in HTTP/1.0": (post(CHUNKED, body=b"0\r\n\r\n", version=b"HTTP/1.0"), [400]),
    "chunks of gzip": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), [400]),
    "gzip as transfer coding": (post(b"Transfer-Encoding: gzip"), [400]),
    "chunks twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), [400]),
    "chunks not last": (post(b"Transfer-Encoding: chunked, identity"), [400]),
    "a coding that is nearly chunked": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), [400]),
    "a coding of any bytes": (post(b"Transfer-Encoding: \xff\xfe, chunked", body=b"0\r\n\r\n"), [400]),
    "a host of any bytes": (ask(target=b"http://\xff/"), [400]),
    # Encodings
    "gzip": (shake(b"Content-Encoding: gzip", body=GZIP), [OK]),
    "deflate": (shake(b"Content-Encoding: deflate", body=zlib.compress(HANDSHAKE)), [OK]),
    "an encoding that is none": (shake(b"Content-Encoding: UTF-8"), [OK]),
    "gzip under another name": (shake(b"Content-Encoding: text", body=GZIP), [OK]),
    "gzip that is plain text": (shake(b"Content-Encoding: gzip"), [OK]),
    "an encoding nobody knows": (shake(b"Content-Encoding: compress", body=b"\x1f\x9d\x90{}"), [415]),
    "an encoding of any bytes": (shake(b"Content-Encoding: \xff", body=b"\x00\xff"), [415]),
    "gzip that is none": (shake(b"Content-Encoding: gzip", body=b"\x00\xff"), [400]),
    "gzip cut short": (shake(b"Content-Encoding: gzip", body=GZIP[:-6]), [400]),
    "a bomb": (shake(b"Content-Encoding: gzip", body=gzip.compress(bytes(900_000))), [413]),
    # Lines
    "bare line feeds": (b"GET /x HTTP/1.1\nHost: a\n\n", [400]),
    "one bare line feed": (b"GET /x HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", [400]),
    "a lone carriage return": (ask(b"A: b\rc"), [400]),
    "a folded header": (ask(b"A: b", b" folded"), [400]),
    "a header that begins folded": (b"GET /x HTTP/1.1\r\n Host: a\r\n\r\n", [400]),
    "NUL in a header": (ask(b"A: b\x00c"), [400]),
    "NUL in a name": (ask(b"A\x00: b"), [400]),
    "NUL in the target": (ask(target=b"/\x00"), [400]),
    "a control character in a header": (ask(b"A: \x01"), [400]),
    "a space before the colon": (ask(b"A : b"), [400]),
    "a header without a colon": (ask(b"no colon"), [400]),
    "a header without a name": (ask(b": b"), [400]),
    "any bytes in a header": (ask(b"A: \xff\xfe"), [MISS]),
    "raw UTF-8 in the target": (ask(target="/é".encode()) + GOOD, [MISS, MISS]),
    "raw Latin-1 in the query": (ask(target="/?q=é".encode("latin-1")), [MISS]),
    "raw UTF-8 and a body": (post(LENGTH, target="/é".encode(), body=b"{}") + GOOD, [MISS, MISS]),
    "raw UTF-8 and chunks": (post(CHUNKED, target="/é".encode(), body=b"2\r\n{}\r\n0\r\n\r\n") + GOOD, [MISS, MISS]),
    "raw UTF-8, byte by byte": ([bytes([byte]) for byte in ask(target="/é".encode()) + GOOD], [MISS, MISS]),
    "raw UTF-8 and h2c": (ask(*H2C, target="/é".encode()) + GOOD, [MISS, MISS]),
    "raw UTF-8 behind another request": (GOOD + ask(target="/é".encode()), [MISS, MISS]),
    "raw UTF-8 over the limit": (ask(target=b"/" + "é".encode() * 40_000), [414]),
    "a space in the target": (ask(target=b"/a b"), [400]),
    "a tab in the request line": (b"GET\t/x\tHTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    "blank lines before a request": (b"\r\n\r\n" + GOOD, [MISS]),
    "blank lines between requests": (GOOD + b"\r\n\r\n" + GOOD, [MISS, MISS]),
    "nothing but blank lines": (b"\r\n" * 1000, []),
    "nothing": (b"", []),
    "half a request line": (b"GET /x", [400]),
    "half a head": (b"GET /x HTTP/1.1\r\nHost: a\r\n", [400]),
    "no request at all": (b"hello\r\n\r\n", [400]),
    # Methods and targets
    "a method nobody knows": (ask(method=b"FETCH") + GOOD, [MISS, MISS]),
    "a method of WebDAV": (ask(LENGTH, method=b"PROPFIND", body=b"{}") + GOOD, [MISS, MISS]),
    "a method of odd characters": (ask(method=b"}GET"), [MISS]),
    "a method in small letters": (ask(method=b"get"), [MISS]),
    "a tunnel in small letters": (TUNNEL.replace(b"CONNECT", b"connect"), [400]),
    "a method of RTSP": (ask(method=b"DESCRIBE", version=b"RTSP/1.0"), [400]),
    "a method of RTSP in HTTP": (ask(method=b"DESCRIBE"), [MISS]),
    "a method of both in RTSP": (ask(method=b"GET", version=b"RTSP/1.0"), [400]),
    "the same in two parts": ([b"GET /x RT", b"SP/1.1\r\nHost: a\r\n\r\n"], [400]),
    "a method of ICE": (ask(method=b"SOURCE", version=b"ICE/1.0"), [400]),
    "a tunnel": (TUNNEL, [405]),
    "a tunnel and what goes through it": (TUNNEL + TLS, [405]),
    "OPTIONS *": (ask(method=b"OPTIONS", target=b"*") + GOOD, [204, MISS]),
    "GET *": (ask(target=b"*"), [400]),
    "OPTIONS of a target": (ask(method=b"OPTIONS"), [MISS]),
    "HEAD": (ask(method=b"HEAD"), [MISS]),
    "a URL as target": (ask(target=b"http://other/x"), [MISS]),
    "the URL of Bayeux as target": (shake().replace(BAYEUX, b"http://a" + BAYEUX), [OK]),
    "a URL of another kind": (ask(target=b"ftp://a/x"), [400]),
    "a host as target": (ask(target=b"a:80"), [400]),
    "a target with a fragment": (ask(target=b"/x#y"), [MISS]),
    "a target over the limit": (ask(target=b"/" + b"x" * 70_000), [414]),
    "a target without an end": (b"GET /" + b"x" * 300_000, [414]),
    "a target of 60 KiB": (ask(target=b"/" + b"x" * 60_000), [MISS]),
    # Headers
    "a header over the limit": (ask(b"A: " + b"x" * 70_000), [431]),
    "a header without an end": (b"GET /x HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 300_000, [431]),
    "a name without an end": (b"GET /x HTTP/1.1\r\nHost: a\r\n" + b"x" * 300_000, [431]),
    "headers of 60 KiB": (ask(*[b"A: " + b"x" * 600] * 100), [MISS]),
    "headers over the limit": (ask(*[b"A: " + b"x" * 700] * 100), [431]),
    "too many headers": (ask(*[b"A:"] * 200), [431]),
    "no Host": (ask(host=b""), [400]),
    "two Hosts": (ask(b"Host: b"), [400]),
    "one Host twice": (ask(b"Host: a"), [MISS]),
    "no Host in HTTP/1.0": (ask(host=b"", version=b"HTTP/1.0"), [MISS]),
    # Versions
    "HTTP/1.0": (ask(version=b"HTTP/1.0"), [MISS]),
    "HTTP/1.0 that keeps": (ask(b"Connection: keep-alive", version=b"HTTP/1.0") + GOOD, [MISS, MISS]),
    "HTTP/1.0 and what follows": (ask(version=b"HTTP/1.0") + GOOD, [MISS]),
    "HTTP/0.9": (b"GET /x\r\n\r\n", [505]),
    "HTTP/1.2": (ask(version=b"HTTP/1.2"), [505]),
    "HTTP/2.0": (ask(version=b"HTTP/2.0"), [505]),
    "HTTP/9.9": (ask(version=b"HTTP/9.9"), [505]),
    "HTTP/11": (ask(version=b"HTTP/11"), [400]),
    "another protocol": (ask(version=b"FTP/1.1"), [400]),
    "the preface of HTTP/2": (PREFACE, [505]),
    "TLS": (TLS, [400]),
    "the first bytes of TLS": (b"\x16\x03\x01", [400]),
    # What becomes of a connection
    "pipelined": (SHAKEN + OPERATION + GOOD, [OK, OK, MISS]),
    "many, pipelined": (GOOD * 50, [MISS] * 50),
    "byte by byte": ([bytes([byte]) for byte in GOOD + SHAKEN], [MISS, OK]),
    "close": (ask(b"Connection: close"), [MISS]),
    "close and what follows": (ask(b"Connection: close") + GOOD, [MISS]),
    "good, then bad": (SHAKEN + b"nonsense\r\n\r\n" + GOOD, [OK, 400]),
    "bad, then good": (b"nonsense\r\n\r\n" + GOOD, [400]),
    # Expectations and upgrades
    "the body is asked for": ([shake(b"Expect: 100-continue")[:-5], HANDSHAKE[-5:]], [100, OK]),
    "it is asked for in its turn": ([GOOD + shake(b"Expect: 100-continue")[:-5], HANDSHAKE[-5:]], [MISS, 100, OK]),
    "it is not asked for if too long": (post(b"Expect: 100-continue", b"Content-Length: 3000"), [413]),
    "it is not asked for if it is here": (shake(b"Expect: 100-continue"), [OK]),
    "another expectation": (shake(b"Expect: 200-ok"), [417]),
    "h2c": (ask(*H2C) + GOOD, [MISS, MISS]),
    "h2c with a body": (shake(*H2C) + GOOD, [OK, MISS]),
    "h2c with chunks": (post(*H2C, CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n") + GOOD, [MISS, MISS]),
    "TLS as an upgrade": (ask(b"Connection: Upgrade", b"Upgrade: TLS/1.0"), [MISS]),
    "a WebSocket elsewhere": (upgrade("/x") + GOOD, [MISS, MISS]),
    "a WebSocket without its key": (WEBSOCKET.replace(b"Sec-WebSocket-Key", b"X"), [400]),
    "a WebSocket with a short key": (WEBSOCKET.replace(b"dGhlIHNh", b""), [400]),
    "a WebSocket of another version": (WEBSOCKET.replace(b"-Version: 13", b"-Version: 99"), [400]),
    "a WebSocket without Connection": (WEBSOCKET.replace(b"Connection: Upgrade", b"X: y"), [400]),
    "a WebSocket with a key of any bytes": (WEBSOCKET.replace(b"dGhlIHNh", b"\xffGhlIHNh"), [400]),
    "a WebSocket with any bytes beside": (WEBSOCKET.replace(b"Upgrade\r\n", b"Upgrade, \xff\r\n", 1), [400]),
    "a WebSocket by POST": (WEBSOCKET.replace(b"GET", b"POST"), [405]),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_it_is_answered_at_once_and_counted_if_it_is_refused(row: str) -> None:
    sent, expected = ROWS[row]
    served = standin()

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for part in sent if isinstance(sent, list) else [sent]:
            writer.write(part)
            await asyncio.sleep(0.01 if isinstance(sent, list) and len(sent) < 5 else 0)
        writer.write_eof()
        return await reader.read()

    found = with_client(act, served, LIMITS)

    answered = statuses_of(found, b"HEAD" if row == "HEAD" else b"")
    assert answered == expected
    assert served.missed == sum(status >= 400 for status in answered)
    assert len(served.misses) == served.missed


def statuses_of(answers: bytes, method: bytes) -> list[int]:
    if method == b"HEAD":
        answers = answers.replace(b"Content-Length", b"Length")  # of a body that is not there
    return statuses(answers)


SLOW: dict[str, tuple[bytes, list[int]]] = {
    "says nothing": (b"", []),
    "says nothing after a request": (GOOD, [MISS]),
    "sends blank lines": (b"\r\n", []),
    "stops in the method": (b"PO", [408]),
    "stops in the target": (b"GET /x", [408]),
    "stops in a header": (b"GET /x HTTP/1.1\r\nHost: a\r\nA: b", [408]),
    "stops before the body": (post(LENGTH), [408]),
    "stops in the body": (post(LENGTH, body=b"{"), [408]),
    "stops in a chunk's size": (post(CHUNKED, body=b"2"), [408]),
    "stops in a chunk": (post(CHUNKED, body=b"2\r\n{"), [408]),
    "stops in a trailer": (post(CHUNKED, body=b"0\r\nA: b"), [408]),
    "waits to be asked and sends nothing": (post(LENGTH, b"Expect: 100-continue"), [100, 408]),
    "stops in the second request": (GOOD + b"GET /x", [MISS, 408]),
    "stops in a body behind a request": (GOOD + post(LENGTH, body=b"{"), [MISS, 408]),
}


@pytest.mark.parametrize("row", SLOW)
def test_a_client_that_stops_is_told_so_if_it_had_begun(row: str) -> None:
    sent, expected = SLOW[row]
    served = standin()

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(sent)
        return await reader.read()

    answered = statuses(with_client(act, served, QUICK))

    assert answered == expected
    assert served.missed == sum(status >= 400 for status in answered)


def test_a_client_that_is_slow_to_no_end_does_not_last() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        async def drip() -> None:
            for byte in b"GET /x HTTP/1.1\r\nA: " + b"b" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        try:
            return await reader.read()
        finally:
            dripping.cancel()

    assert statuses(with_client(act, standin(), QUICK)) == [408]


def test_what_is_refused_is_told_in_a_line_that_names_it() -> None:
    served = standin()
    told: list[Any] = []

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(post(b"Content-Length: 3000", target=b"/v2/upload"))
        return await reader.read()

    with_client(act, served, LIMITS, watch=Callbacks(miss=told.append))

    assert [miss.text for miss in told] == [
        "POST /v2/upload was refused before it was matched: 413, the body is larger than 2000 bytes\n"
    ]
    assert served.report()["misses"][0]["request"] == "POST /v2/upload"


@pytest.mark.parametrize(
    "asked",
    [
        ask(b"Origin: http://a", b"Access-Control-Request-Method: PUT", method=b"OPTIONS"),
        ask(target=b"/__recorder/nothing"),
        ask(method=b"OPTIONS", target=b"*"),
    ],
)
def test_what_is_not_for_the_recording_is_no_miss(asked: bytes) -> None:
    served = standin()

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asked)
        return await reader.readuntil(b"\r\n\r\n")

    assert b" 470 " not in with_client(act, served, token="t")
    assert served.missed == 0


def test_a_refused_client_that_goes_on_sending_can_read_why() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(post(b"Content-Length: 9000000"))
        for _ in range(100):
            writer.write(bytes(1 << 16))
            await asyncio.sleep(0)
        return await reader.read()

    assert statuses(with_client(act, standin(), LIMITS)) == [413]
