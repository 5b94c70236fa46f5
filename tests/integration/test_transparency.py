"""The recorder is invisible: what a client and a server send each other arrives as it left, byte for byte.

Each exchange is played twice, directly and through the recorder, and what arrives is compared. What may differ:

- `Host` is the upstream's: a virtual host does not know the recorder's name.
- White space around a header's value is no part of it (RFC 9110, 5.5), and mitmproxy writes its own.
- Chunks are joined, for an answer that is waited for, or cut anew: framing is each connection's own (RFC 9112, 7.1).
- `Expect: 100-continue` is answered by mitmproxy, and not sent on.
- Fragments of a WebSocket message end between characters, and pings overtake them (RFC 6455, 5.4).
- `advice.hosts` of Bayeux, which would lead the client past the recorder.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

import brotli
import pytest
import zstandard

from recorder.cassette.reader import read
from recorder.model import Chunk, Failure, Note, Record, Request, Response
from recorder.push.pieces import joined
from tests.integration.captures import Bayeux, by_command, by_mitmdump
from tests.lab.lab import Lab
from tests.lab.processes import Server, recorder, until
from tests.lab.raw import Line, Raw, Upstream, connected, exchange, frame

URL = "/api/v2/notifications"
JSON = b"Content-Type: application/json;charset=UTF-8\r\n"
TEXT = b'{"statusCode":0, "name":"\xc3\x9cber"}'


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def request(target: str, body: bytes = b"", *headers: bytes, method: str = "POST", host: bytes = b"desk:80") -> bytes:
    line = f"{method} {target} HTTP/1.1".encode()
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([line, b"Host: " + host, *headers, *length]) + b"\r\n\r\n" + body


def piece(content: bytes) -> bytes:
    """A chunk; the last one is empty."""
    return b"%x\r\n%s\r\n" % (len(content), content)


class Script:
    """What the bare server does next; it sends bytes, and waits at each event until the test sets it."""

    def __init__(self) -> None:
        self.steps: list[bytes | Event] = []
        self.ends = False

    def __call__(self, asked: Raw, line: Line) -> None:
        if asked.values("Upgrade"):
            echoes(asked, line)
            return
        for step in self.steps:
            if isinstance(step, Event):
                step.wait(20)
            else:
                line.send(step)
        if self.ends:
            line.close()


def echoes(asked: Raw, line: Line) -> None:
    """A WebSocket that says everything back; `cut` and `close …` end it, `hosts` sends a client elsewhere."""
    key = asked.values("Sec-WebSocket-Key")[0] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key).digest())
    line.send(
        b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\nX-Own: 1\r\n\r\n"
    )
    told.append(own := [])
    for first, payload in line.frames():
        own.append((first, payload))
        match payload.split():
            case [b"cut"]:
                line.close()
            case [b"close", code, reason]:
                line.send(frame(0x88, int(code).to_bytes(2) + reason, masked=False))
            case [b"hosts"]:
                line.send(frame(0x81, HOSTS, masked=False))
            case _:
                line.send(frame(first, payload, masked=False))


told: list[list[tuple[int, bytes]]] = []  # what arrived on each socket


@dataclass(frozen=True)
class Bench:
    upstream: Upstream
    script: Script
    proxy: Server
    cassette: Path

    def serves(self, *steps: bytes | Event, ends: bool = False) -> None:
        """What the server answers from now on; with `ends` it hangs up after it."""
        self.script.steps, self.script.ends = list(steps), ends
        self.upstream.requests.clear()

    def recorded(self, target: str) -> list[Record]:
        """All records of the exchange of a target, as soon as its answer is in the cassette."""
        found: list[Record] = []

        def is_there() -> bool:
            records = read(self.cassette).records
            own = {r.exchange for r in records if isinstance(r, Request) and r.target == target}
            found[:] = (r for r in records if getattr(r, "exchange", None) in own)
            return any(_is_end(r) for r in found)

        until(is_there, "the answer is recorded")
        return found

    def answer(self, target: str) -> Response:
        """The answer with its whole body, also if it came in chunks."""
        (found,) = (r for r in joined(self.recorded(target), joins_events=True) if isinstance(r, Response))
        return found


def _is_end(record: Record) -> bool:
    is_last = isinstance(record, Chunk) and record.is_last
    return is_last or isinstance(record, Failure) or (isinstance(record, Response) and not record.streamed)


@pytest.fixture(scope="module", params=[by_command, by_mitmdump])
def any_bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cassette, script = tmp_path_factory.mktemp("bench") / "s.cassette", Script()
    with Upstream(script) as upstream, request.param(upstream.url, cassette) as proxy:
        yield Bench(upstream, script, proxy, cassette)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    cassette, script = tmp_path_factory.mktemp("bench") / "s.cassette", Script()
    with Upstream(script) as upstream, by_command(upstream.url, cassette) as proxy:
        yield Bench(upstream, script, proxy, cassette)


def trimmed(message: Raw) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """A message without what may differ."""
    pairs = (line.partition(b":") for line in message.lines)
    return [(name, value.strip()) for name, _, value in pairs], message.body


# What arrives at the client

ANSWERS = {
    "names, order, case and copies of headers": answer(
        TEXT, b"server: GWS", b"set-cookie: a=1; Path=/", b"Set-Cookie: b=2", b"X-Odd:  two  spaces ", b"X-Empty:",
        b"X-Latin: \xe9", b"Via: 1.1 other", b'ETag: W/"1"', b"Cache-Control: no-cache",
    ),
    "a header name that is none": answer(TEXT, b"X Odd: 1", b"X(y): 2"),
    "a reason of its own": answer(TEXT, status=b"200 All is good"),
    "no reason": answer(TEXT, status=b"200 "),
    "an error": answer(b"Missing or invalid Csrf token", b"Content-Type: text/plain", status=b"403 Forbidden"),
    "an odd status": answer(b"", status=b"599 Odd"),
    "no content": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: "x"\r\n\r\n',
    "chunks": b"HTTP/1.1 200 OK\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n2;x=1\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
    "gzip in chunks": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + piece(gzip.compress(TEXT)) + piece(b""),
    "gzip that is none": answer(b"[]", b"Content-Encoding: gzip"),
    "an encoding nobody knows": answer(b"[]", b"Content-Encoding: x-own"),
    "a redirection": answer(b"", b"Location: http://gws.example/x", status=b"302 Found"),
    "large": answer(b"x" * 3_000_000),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_arrives_as_it_left(bench: Bench, name: str) -> None:
    bench.serves(ANSWERS[name])

    directly, proxied = (exchange(url, request(f"/a/{quote(name)}")) for url in (bench.upstream.url, bench.proxy.url))

    assert trimmed(proxied) == trimmed(directly)


OLD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold"
CLOSES = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"


@pytest.mark.parametrize("sent", [OLD, CLOSES])
def test_an_answer_that_ends_with_its_connection_arrives_as_it_left(bench: Bench, sent: bytes) -> None:
    bench.serves(sent, ends=True)

    directly, proxied = (exchange(url, request("/ends")) for url in (bench.upstream.url, bench.proxy.url))

    assert trimmed(proxied) == trimmed(directly)


def test_a_connection_that_stays_open_directly_stays_open_through_the_recorder(bench: Bench) -> None:
    bench.serves(answer(TEXT))

    with connected(bench.proxy.url) as line:
        answers = []
        for _ in range(3):
            line.send(request("/again"))
            answers.append(line.message())

    assert answers == [exchange(bench.upstream.url, request("/again"))] * 3


# What arrives at the server

REQUESTS = {
    "names, order, case and copies of headers": request(
        "/r?a=%20&b=\xc3\xa9&&c", TEXT, b"x-lower: 1", b"X-Lower: 2", b"Content-Type: application/json;charset=utf-8",
        b"Accept-Encoding: gzip, br", b"Connection: keep-alive", b'Cookie: a=1; b="2"', b"Cookie: c=3",
        b"If-None-Match: x", b"Origin: http://desk:80", b"Referer: http://desk:80/x", b"Authorization: Basic YTpi",
    ),
    "a header name that is none": request("/r", TEXT, b"X Odd: 1"),
    "a form": request("/r", b"message=%5B%5D&a=+", b"Content-Type: application/x-www-form-urlencoded"),
    "chunks": b"POST /r HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
    "a body of GET": request("/r", TEXT, method="GET"),
    "another method": request("/r", method="PROPFIND"),
    "an odd path": request("//double//x;y?z=/../.."),
    "everything": request("*", method="OPTIONS"),
    "no length of nothing": request("/r"),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_arrives_as_it_left_but_for_the_host(bench: Bench, name: str) -> None:
    bench.serves(answer(b""))

    for url in (bench.upstream.url, bench.proxy.url):
        exchange(url, REQUESTS[name])

    (directly, proxied), own = map(trimmed, bench.upstream.requests), urlsplit(bench.upstream.url).netloc.encode()
    assert proxied[0][1] == (b"Host", own)
    assert [proxied[0][:1] + proxied[0][2:], proxied[1]] == [directly[0][:1] + directly[0][2:], directly[1]]


PACKERS = {
    "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress,
    "identity": bytes,
}  # fmt: skip


@pytest.mark.parametrize("encoding", PACKERS)
def test_bodies_pass_as_they_were_packed_and_are_recorded_unpacked(bench: Bench, encoding: str) -> None:
    packed, header = PACKERS[encoding](TEXT), b"Content-Encoding: " + encoding.encode()
    bench.serves(answer(packed, header))

    back = exchange(bench.proxy.url, request(f"/packed/{encoding}", packed, header))

    asked, told = bench.recorded(f"/packed/{encoding}")
    assert (bench.upstream.requests[0].body, back.body) == (packed, packed)
    assert (asked.body, told.body) == (TEXT, TEXT)  # type: ignore[union-attr]


# What real servers say


def conversation(url: str, host: bytes) -> list[str]:
    """The same raw exchanges with a Bayeux server, and what it says; what it mints is masked."""
    minted: dict[str, str] = {}
    seen: list[str] = []

    def says(target: str, body: bytes = b"", kind: bytes = JSON.strip(), method: str = "POST") -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in minted.items() if name != "clientId").encode()
        shown = [b"Cookie: " + cookies] if cookies else []
        back = exchange(url, request(target, body, kind, *shown, method=method, host=host))
        packed = bool(back.values("Content-Encoding"))
        content = gzip.decompress(back.body) if packed else back.body
        minted.update(cookie.decode().partition(";")[0].split("=", 1) for cookie in back.values("Set-Cookie"))
        minted.update(re.findall(r'"(clientId)":"(\w+)"', content.decode()))
        text = b"\n".join([*back.lines, content]).decode()
        for name, value in minted.items():
            text = text.replace(value, f"<{name}>")
        text = re.sub(r"Content-Length: \d+", "<of what is minted>", text) if packed else text
        seen.append(re.sub(r'Date: .*|"id":"(?!own)\w+"|[\da-f]{8}-[\da-f-]{27}', "<minted>", text))

    def message(channel: str, **own: Any) -> bytes:
        client = {"clientId": minted["clientId"]} if "clientId" in minted else {}
        return json.dumps([{"channel": channel, "id": "own", **client, **own}]).encode()

    operation = {"operationName": "GetChainedRecord", "campaignName": "Campaign1", "referenceId": "r1"}
    says("/api/v2/me", method="GET")
    says(f"{URL}/handshake", message("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"]))
    says(f"{URL}/", message("/meta/subscribe", subscription="/v2/me/outbound"))
    says("/api/v2/me/outbound-records/7", json.dumps(operation).encode())
    poll = message("/meta/connect", connectionType="long-polling", advice={"timeout": 0})
    says(f"{URL}/connect", poll)
    form = b"message=" + quote(poll).encode()
    says(URL, form, b"Content-Type: application/x-www-form-urlencoded")
    says(f"{URL}?jsonp=cb1&{form.decode()}", method="GET")
    says(URL, poll[1:-1])
    says(URL, b"no json")
    says(f"{URL}/disconnect", message("/meta/disconnect"))
    says(URL, poll)
    return seen


@pytest.mark.node
@pytest.mark.parametrize("server", ["cometd", "faye"])
def test_a_bayeux_server_says_the_same_to_a_client_behind_the_recorder(server: Bayeux, tmp_path: Path) -> None:
    said = []
    with Lab(server, tmp_path / "truth.jsonl") as lab, by_command(lab.url, tmp_path / "s.cassette") as proxy:
        for packed in (False, True):
            lab.options(clock=1_433_915_532_000, early="all", twins=False, gzip=packed)
            said.append([conversation(url, urlsplit(lab.url).netloc.encode()) for url in (lab.url, proxy.url)])

    for directly, proxied in said:
        assert "ChainedRecordsDataEnd" in directly[4]
        assert proxied == directly


# WebSocket

UPGRADE = request(
    "/socket", b"", b"Upgrade: websocket", b"Connection: keep-alive, Upgrade", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Protocol: own", method="GET",
)  # fmt: skip
LETTERS = "aé€😀".encode()
WORDS = {
    "text": [(0x81, LETTERS)],
    "empty text": [(0x81, b"")],
    "text in fragments": [(0x01, b"a"), (0x00, LETTERS[1:3]), (0x80, LETTERS[3:])],
    "empty fragments": [(0x01, b""), (0x00, b"a"), (0x80, b"")],
    "binary": [(0x82, bytes(range(256)))],
    "binary in fragments": [(0x02, b"\x00\xff"), (0x80, b"\xfe")],
    "long text": [(0x81, b"x" * 60_000)],
    "ping": [(0x89, b"are you there")],
    "pong": [(0x8A, b"")],
}
GOODBYES = {
    "close": (0x88, b"\x03\xe8"),
    "close with a reason": (0x88, b"\x0f\xa1moved"),
    "close without a code": (0x88, b""),
    "closed by the server": (0x81, b"close 4999 gone"),
    "closed well by the server": (0x81, b"close 1001 restart"),
    "cut by the server": (0x81, b"cut"),
}


def spoken(url: str, words: list[tuple[int, bytes]], goodbye: tuple[int, bytes]) -> tuple[Any, ...]:
    """The answer to the upgrade, what comes back, how it ends, and what came to the server."""
    with connected(url) as line:
        line.send(UPGRADE)
        upgraded = line.message()
        frames = line.frames()
        for first, payload in words:
            line.send(frame(first, payload, masked=True))
        back = [next(frames) for _ in words]
        line.send(frame(*goodbye, masked=True))
        end = next(frames, None)
        if end and goodbye[0] != 0x88:
            line.send(frame(*end, masked=True))  # as a client must (RFC 6455, 5.5.1)
        until(lambda: len(told[-1]) > len(words), "all has come to the server")
        return upgraded, back, end, told[-1][: len(words) + 1]


@pytest.mark.parametrize("name", WORDS)
def test_a_message_on_a_socket_arrives_as_it_left(bench: Bench, name: str) -> None:
    directly, proxied = (spoken(url, WORDS[name], GOODBYES["close"]) for url in (bench.upstream.url, bench.proxy.url))

    assert proxied == directly


def test_fragments_that_part_a_character_are_cut_elsewhere_and_say_the_same(bench: Bench) -> None:
    words = [(0x01, LETTERS[:2]), (0x80, LETTERS[2:])]

    _, back, _, _ = spoken(bench.proxy.url, words, GOODBYES["close"])

    assert b"".join(payload for _, payload in back) == LETTERS


@pytest.mark.parametrize("name", GOODBYES)
def test_a_socket_ends_at_the_client_as_it_ended_at_the_server(bench: Bench, name: str) -> None:
    directly, proxied = (spoken(url, WORDS["text"], GOODBYES[name]) for url in (bench.upstream.url, bench.proxy.url))

    assert proxied == directly


def test_a_socket_that_the_client_cuts_is_cut_at_the_server_too(bench: Bench) -> None:
    with connected(bench.proxy.url) as line:
        line.send(UPGRADE)
        line.message()
        line.send(frame(0x81, b"a", masked=True))
        next(line.frames())

    until(lambda: b"closed by client, code 1006" in bench.cassette.read_bytes(), "it is over")
    assert told[-1] == [(0x81, b"a")]


# What streams


STREAMS = {
    "server-sent events": b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
    "chunks of text": b"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n",
    "chunks of JSON": JSON + b"Transfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("name", STREAMS)
def test_what_trickles_reaches_the_client_as_it_comes_and_is_recorded_whole(any_bench: Bench, name: str) -> None:
    target, more = f"/stream/{quote(name)}", Event()
    start = b"HTTP/1.1 200 OK\r\n" + STREAMS[name] + b"\r\n" + piece(b"data: 1\n\n")
    any_bench.serves(start, more, piece(b"data: 2\n\n") + b"0\r\n\r\n")

    with connected(any_bench.proxy.url) as line:
        line.send(request(target))
        while line.take_line():
            pass
        first = line.take(len(piece(b"data: 1\n\n")))
        more.set()
        rest = line.take(len(piece(b"data: 2\n\n") + b"0\r\n\r\n"))

    assert (first, rest) == (piece(b"data: 1\n\n"), piece(b"data: 2\n\n") + b"0\r\n\r\n")
    assert any_bench.answer(target).body == b"data: 1\n\ndata: 2\n\n"


def test_a_packed_stream_is_recorded_unpacked(bench: Bench) -> None:
    packed = gzip.compress(TEXT)
    bench.serves(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", packed, ends=True)

    assert exchange(bench.proxy.url, request("/stream/gzip")).body == packed

    assert bench.answer("/stream/gzip").body == TEXT


def test_a_stream_of_events_that_the_client_leaves_is_kept_as_far_as_it_came(any_bench: Bench) -> None:
    start = b"HTTP/1.1 200 OK\r\n" + STREAMS["server-sent events"] + b"\r\n" + piece(b"data: 1\n\n")
    any_bench.serves(start, never := Event())

    with connected(any_bench.proxy.url) as line:
        line.send(request("/stream/left"))
        while line.take_line():
            pass
        line.take(len(piece(b"data: 1\n\n")))

    *_, chunk, end = any_bench.recorded("/stream/left")
    never.set()
    assert isinstance(chunk, Chunk)
    assert (chunk.body, chunk.is_last) == (b"data: 1\n\n", False)
    assert isinstance(end, Failure)
    assert end.reason == "Client disconnected."


def test_a_stream_of_events_that_goes_on_at_the_end_of_the_capture_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    script, cassette = Script(), tmp_path / "s.cassette"
    start = b"HTTP/1.1 200 OK\r\n" + STREAMS["server-sent events"] + b"\r\n" + piece(b"data: 1\n\n")
    script.steps = [start, Event()]
    with Upstream(script) as upstream, by_command(upstream.url, cassette) as proxy, connected(proxy.url) as line:
        line.send(request("/stream"))
        while line.take_line():
            pass
        line.take(len(piece(b"data: 1\n\n")))
        proxy.process.send_signal(2)
        proxy.process.wait(20)

    _, head, chunk, close = read(cassette).records
    assert isinstance(head, Response)
    assert head.streamed
    assert isinstance(chunk, Chunk)
    assert (chunk.body, chunk.is_last) == (b"data: 1\n\n", False)
    assert isinstance(close, Note)


# Hosts in the advice of a Bayeux server

MESSAGES = b'[{"channel":"/meta/connect","successful":false,"advice":{"hosts":%s,"reconnect":"handshake"}}]'
HOSTS = MESSAGES % b'["a.example","b.example:8080"]'
CONNECT = b'[{"channel":"/meta/connect","clientId":"c1","connectionType":"long-polling"}]'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + piece(HOSTS[:30]) + piece(HOSTS[30:]) + piece(b"")


PACKED = answer(gzip.compress(HOSTS, mtime=0), b"Content-Encoding: gzip")


@pytest.mark.parametrize("sent", [answer(HOSTS), CHUNKED, PACKED])
def test_hosts_in_an_advice_become_the_recorder_and_are_recorded_as_they_were(bench: Bench, sent: bytes) -> None:
    target = f"{URL}/{hashlib.sha1(sent).hexdigest()}"
    bench.serves(sent)

    back = exchange(bench.proxy.url, request(target, CONNECT, host=b"desk.example:8091"))

    body = gzip.decompress(back.body) if back.values("Content-Encoding") else back.body
    assert body == MESSAGES % b'["desk.example:8091"]'
    assert bench.answer(target).body == HOSTS


def test_in_a_mitmdump_of_ones_own_hosts_become_the_address_it_listens_at(any_bench: Bench) -> None:
    any_bench.serves(answer(b"cb1(" + HOSTS + b");"))
    host = urlsplit(any_bench.proxy.url).netloc.replace("localhost", "127.0.0.1").encode()

    back = exchange(any_bench.proxy.url, request(f"{URL}/jsonp", CONNECT, host=host))

    assert back.body == b"cb1(" + MESSAGES % (b'["' + host + b'"]') + b");"


def test_hosts_on_a_socket_become_the_recorder_and_are_recorded_as_they_were(bench: Bench) -> None:
    with connected(bench.proxy.url) as line:
        line.send(UPGRADE)
        line.message()
        line.send(frame(0x81, b"hosts", masked=True))
        back = next(line.frames())

    assert back == (0x81, MESSAGES % b'["desk:80"]')
    until(lambda: HOSTS in [getattr(r, "body", b"") for r in read(bench.cassette).records[-2:]], "it is recorded")


def test_a_client_that_names_the_server_itself_hears_of_its_hosts(tmp_path: Path) -> None:
    script = Script()
    script.steps = [answer(HOSTS)]
    with Upstream(script) as upstream, recorder("record", "--mode", "regular", "-o", tmp_path / "s.cassette") as proxy:
        back = exchange(proxy.url, request(upstream.url + URL, CONNECT))

    assert back.body == HOSTS
