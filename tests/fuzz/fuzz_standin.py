"""Sends hostile HTTP and WebSocket traffic to a real stand-in; whatever is no proper answer is a finding.

    python -m tests.fuzz --only standin --seconds 600 --seed 1

A proper answer is a 4xx or a 505, Bayeux messages, a recorded ack, the end of the connection, or the empty 500 of a
poll that another one replaced. The process must live, keep its memory, log no traceback, and serve a good client all
the while."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from recorder.library.recording import load_recording
from tests.lab.byhand import BAYEUX, Desk
from tests.lab.processes import Server, recorder

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
TRIPLES = load_recording(PREVIEW).triples
TOGETHER = 40  # connections at once
HANG = 10.0  # seconds after which a connection that its client ended must be over
PATIENCE = 0.3  # seconds to wait for an answer before the client ends the connection
GROWTH = 100 << 20  # bytes the process may grow by, whatever comes
MISS = 470

Bytes = list[bytes]


@dataclass(frozen=True, slots=True)
class Input:
    """What a hostile client does: sends parts one by one, then closes its half or hangs up."""

    parts: Bytes
    hangs_up: bool = False


# What good clients send


def request(body: bytes = b"", target: str = BAYEUX, method: str = "POST", **headers: str) -> bytes:
    own = {"Host": "localhost", "Content-Length": str(len(body))} | {n.replace("_", "-"): v for n, v in headers.items()}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def message(channel: str, **fields: Any) -> dict[str, Any]:
    return {"channel": channel, "id": "1"} | fields


def bodies(client_id: str) -> list[Any]:
    """Bayeux bodies of a client that exists."""
    own = {"clientId": client_id}
    connect = message("/meta/connect", connectionType="long-polling", **own)
    return [
        [message("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling", "websocket"])],
        [connect],
        [connect | {"advice": {"timeout": 0}, "ext": {"ack": 1}}],
        [message("/meta/subscribe", subscription=["/v2/me/outbound", "/me/internal"], **own)],
        [message("/meta/unsubscribe", subscription="/**", **own), connect],
        [message("/service/x", data={"a": [1, None, "é"]}, **own)],
        message("/meta/disconnect", clientId="another"),
    ]


def requests(client_id: str) -> list[bytes]:
    """Requests as good clients send them."""
    found = [request(written(body), Content_Type="application/json") for body in bodies(client_id)]
    found += [request(t.request.body, t.request.target, t.request.method, Cookie="a=b") for t in TRIPLES]
    found.append(request(b"message=" + written(bodies(client_id)[0])))
    found.append(request(method="GET", target=BAYEUX + "?jsonp=cb&message=%5B%7B%22channel%22%3A%22/meta/x%22%7D%5D"))
    found.append(request(written(bodies(client_id)[1]), BAYEUX + "/connect"))
    found.append(request(method="GET", target="/api/v2/me?subresources=*"))
    found.append(chunked([written(bodies(client_id)[3]), b""]))
    found.append(request(gzip.compress(written(bodies(client_id)[0]), mtime=0), Content_Encoding="gzip"))
    return found


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


def chunked(chunks: Bytes) -> bytes:
    head = request(Transfer_Encoding="chunked").replace(b"Content-Length: 0\r\n", b"")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


# What hostile ones make of it

_TOKENS = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\x00", b"\xff\xfe", b" ", b": ", b"\r\n folded", b"%", b"%00",
    b"\xed\xa0\x80", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Expect: 100-continue\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: br\r\n", b"Upgrade: h2c\r\n", b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"Connection: close\r\n", b"HTTP/9.9", b"HTTP/1.0", b"Host: \r\n", b"Host: [\r\n",
    b"Content-Type: application/json; charset=utf-16\r\n", b"Content-Type: text/plain; charset=nonsense\r\n",
    b"Cookie: =;=;;\r\n", b"Authorization: Basic \xff\r\n", b"X-Forwarded-Proto: \x80\r\n", b"[", b"]", b"{", b"}",
    b'"', b"null", b"1e999", b"NaN", b"9" * 5000, b'"\\ud800"', b'"clientId":[]', b'"channel":"/meta/connect"',
    b'"advice":7', b"/__recorder/state", b"GET * HTTP/1.1\r\n\r\n",
)  # fmt: skip


def _flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(1, len(data) + 1)]


def _removed(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.choice((1, 2, 10, 60)) :]


def _inserted(data: bytes, random: Random) -> bytes:
    lines = [found.end() for found in re.finditer(b"\r\n", data)]
    at = random.choice(lines) if lines and random.random() < 0.6 else random.randrange(len(data) + 1)
    return data[:at] + random.choice(_TOKENS) + data[at:]


def mutated(data: bytes, random: Random) -> bytes:
    for _ in range(random.choice((1, 1, 2, 4))):
        data = random.choice((_flipped, _cut, _removed, _inserted, _inserted))(data or b"x", random)
    return data


def _any_request(client_id: str, random: Random) -> Input:
    return _sent(mutated(random.choice(requests(client_id)), random), random)


def _pipelined(client_id: str, random: Random) -> Input:
    several = [random.choice(requests(client_id)) for _ in range(random.choice((2, 5, 20)))]
    several.append(mutated(random.choice(several), random))
    return _sent(b"".join(several), random)


def _hostile_body(client_id: str, random: Random) -> Input:
    """A request that is well made around a body that is not."""
    value = _changed(random.choice(bodies(client_id)), random)
    body = random.choice((written(value), mutated(written(value), random), b"[" * random.choice((99, 10**5))))
    kind = random.choice(("application/json", "application/json; charset=utf-16", "text/plain", "\t"))
    return _sent(request(body, random.choice((BAYEUX, BAYEUX, TRIPLES[0].request.target)), Content_Type=kind), random)


def _changed(value: Any, random: Random) -> Any:
    """A value with one of the values in it replaced."""
    if not value or not isinstance(value, dict | list) or random.random() < 0.2:
        return random.choice(
            (None, True, -1, 10**400, "\ud800", "", [], {}, [[]], [value] * 3, {"timeout": value}, "x" * 9999)
        )
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [*value[:at], _changed(value[at], random), *value[at + 1 :]]
    key = random.choice(list(value))
    return value | {key: _changed(value[key], random)}


def _huge(client_id: str, random: Random) -> Input:
    """Too much of something."""
    handshake = written(message("/meta/handshake"))
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: request(b" " * (9 << 20)),
        lambda: request(b"[" + b",".join([handshake] * 9_000) + b"]"),
        lambda: request(b'{"channel":"/' + b"x" * 500_000 + b'"}'),
        lambda: request(target="/" + "x" * 20_000),
        lambda: request(X="x" * 20_000),
        lambda: request(**{f"X{number}": "x" for number in range(3_000)}),
        lambda: request(Cookie="; ".join(f"c{number}=1" for number in range(900))),
        lambda: chunked([b"x" * (1 << 16)] * 200),
        lambda: chunked([b"["] * 5_000 + [b""]),
        lambda: request(_bomb(31), Content_Encoding="gzip"),
        lambda: request(_bomb(15), Content_Encoding="deflate"),
        lambda: b"G" * 100_000,
    )
    return Input([random.choice(choices)()])


@cache
def _bomb(wbits: int) -> bytes:
    """Little that becomes 50 MB; `wbits` as in zlib."""
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(bytes(50 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH if wbits < 0 else zlib.Z_FINISH)


def _unfinished(client_id: str, random: Random) -> Input:
    whole = random.choice(requests(client_id))
    at = random.randrange(1, len(whole))
    return Input([whole[:at], whole[at : random.randrange(at, len(whole))]], hangs_up=random.random() < 0.5)


def _bad_chunks(client_id: str, random: Random) -> Input:
    good = chunked([b"[]", b""])
    head, _, _ = good.partition(b"\r\n\r\n")
    broken = (
        b"zz\r\n[]\r\n0\r\n\r\n",
        b"-1\r\n",
        b"ffffffffffffffffff\r\nx",
        b"2\r\n[]x\r\n0\r\n\r\n",
        b"2;" + b"x" * 99_999,
    )
    return _sent(head + b"\r\n\r\n" + random.choice(broken), random)


def _bad_packing(client_id: str, random: Random) -> Input:
    packed = gzip.compress(written(bodies(client_id)[0]))
    name = random.choice(("gzip", "deflate", "br", "zstd", "x", "gzip, gzip"))
    return _sent(
        request(random.choice((_flipped(packed, random), packed[:-9], b"no", packed)), Content_Encoding=name), random
    )


def _socket(client_id: str, random: Random) -> Input:
    """A WebSocket that is opened, and frames that are no good."""
    extensions = {"Sec_WebSocket_Extensions": "permessage-deflate"} if random.random() < 0.5 else {}
    opened = upgrade(random.choice((BAYEUX, BAYEUX, "/other")), **extensions)
    if random.random() < 0.2:
        return _sent(mutated(opened, random), random)
    frames = [_frame(client_id, random) for _ in range(random.choice((1, 2, 20)))]
    return Input([opened, b"".join(frames)], hangs_up=random.random() < 0.3)


def upgrade(target: str = BAYEUX, **own: str) -> bytes:
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    return request(method="GET", target=target, **asked, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **own)


def frame(payload: bytes, first: int = 0x81, *, masked: bool = True, length: int | None = None) -> bytes:
    """A WebSocket frame (RFC 6455, section 5.2) with a mask of zeros; `length` is what it says of itself."""
    size, flag = len(payload) if length is None else length, 0x80 if masked else 0
    if size < 126:
        head = bytes([first, flag | size])
    elif size < 1 << 16:
        head = bytes([first, flag | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, flag | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


def _frame(client_id: str, random: Random) -> bytes:
    good = written(random.choice(bodies(client_id)))
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: frame(good),
        lambda: frame(written(_changed(json.loads(good), random))),
        lambda: frame(good, masked=False),
        lambda: frame(good, random.randrange(256)),
        lambda: frame(b"\xff\xfe[]"),
        lambda: frame(b"x" * 200, 0x89),
        lambda: frame(b"x", 0x09),
        lambda: frame(b"\x03", 0x88),
        lambda: frame(b"\x00\x01", 0x88),
        lambda: frame(b"[", 0x01) + frame(b"]", 0x80),
        lambda: frame(b"[", 0x01) * 50,
        lambda: frame(b"", length=1 << 62),
        lambda: frame(b" " * (5 << 20)),
        lambda: frame(_bomb(-15), 0xC1),
        lambda: frame(mutated(good, random), 0x82),
        lambda: mutated(frame(good), random),
        lambda: random.randbytes(50),
    )
    return random.choice(choices)()


def _sent(data: bytes, random: Random) -> Input:
    """In one go, or in pieces."""
    if random.random() < 0.7:
        return Input([data], hangs_up=random.random() < 0.2)
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(3))
    return Input([data[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)])


_KINDS = (_any_request, _any_request, _pipelined, _hostile_body, _hostile_body, _unfinished, _bad_chunks, _bad_packing)


def hostile(client_id: str, random: Random) -> Input:
    roll = random.random()
    kind = _huge if roll < 0.02 else _socket if roll < 0.25 else random.choice(_KINDS)
    return kind(client_id, random)


# What must come back


class Finding(Exception):
    """Something a stand-in must not do."""


def check(received: bytes) -> None:
    """All responses on a connection; the last may be cut short."""
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        found = re.match(rb"HTTP/\d\.\d (\d{3})", head)
        if found is None:
            raise Finding(f"no status line: {received[:200]!r}")
        status = int(found[1])
        if status == 101:
            _check_frames(rest, packed=b"permessage-deflate" in head)
            return
        if status == 100:
            received = rest
            continue
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else len(rest)
        _check_answer(status, rest[:size], complete=len(rest) >= size)
        received = rest[size:]


def _check_answer(status: int, body: bytes, *, complete: bool) -> None:
    if status == 500 and not body:  # a poll that another one replaced
        return
    if b"Traceback" in body or not (status in {200, 505} or 400 <= status < 500):
        raise Finding(f"answered {status}: {body[:300]!r}")
    if status == 200 and complete and body[:1] in b"[{":
        json.loads(body)


def _check_frames(data: bytes, *, packed: bool) -> None:
    """What a server sends on a WebSocket: messages, pongs, and a close that blames the client."""
    unpack = zlib.decompressobj(wbits=-15)
    for first, payload in _frames(data):
        if first & 0x0F == 8 and payload and int.from_bytes(payload[:2], "big") == 1011:
            raise Finding(f"closed as after an error of ours: {payload!r}")
        if first & 0x0F == 1:
            text = unpack.decompress(payload + b"\x00\x00\xff\xff") if packed and first & 0x40 else payload
            found = json.loads(text)
            if not all(isinstance(one, dict) and "channel" in one for one in found):
                raise Finding(f"sent no messages: {text[:300]!r}")


def _frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 2:
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return
        yield data[0], data[start : start + size]
        data = data[start + size :]


async def provoke(port: int, given: Input) -> bytes:
    """Do what a hostile client does; what came back until the connection was over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()

    async def read() -> None:
        while data := await reader.read(1 << 16):
            received.extend(data)

    reading = asyncio.ensure_future(read())
    try:
        with suppress(OSError):  # it hung up first
            for part in given.parts:
                writer.write(part)
                await asyncio.wait_for(writer.drain(), HANG)
            await asyncio.wait([reading], timeout=PATIENCE)
            if not given.hangs_up:
                writer.write_eof()
                may_be_held = b"/meta/connect" in b"".join(given.parts)  # a poll is answered when its time has come
                await asyncio.wait([reading], timeout=PATIENCE if may_be_held else HANG)
                if not reading.done() and not may_be_held:
                    raise Finding(f"a connection that the client ended stays open: {bytes(received[:200])!r}")
    finally:
        reading.cancel()
        writer.transport.abort()
        with suppress(ConnectionError, asyncio.CancelledError):
            await reading
    return bytes(received)


def play(url: str, name: str) -> None:
    """A good client's short session, from a new handshake on; fails unless all it asks for comes."""
    desk = Desk(url, f"{name}:secret").connected()
    for place in (0, 1):
        triple = TRIPLES[place]
        own = {
            "referenceId": f"{name}-{place}",
            "devicePath": f"/devices/{name}",
        }  # hostile ones name the recorded device
        content = json.loads(triple.request.body) | own
        poll = desk.polls()  # an ack may wait for its events to be fetched
        if desk.asks(triple.request.target, content).status != 200:
            raise Finding(f"a good client was refused {triple.operation}")
        for _, data in desk.hears(len(triple.events), poll):
            if data.get("referenceId", f"{name}-{place}") != f"{name}-{place}":
                raise Finding(f"a good client got another's event: {data}")
    desk.tells(desk.message("/meta/disconnect")).answer()
    desk.leaves()


def resident(process: int) -> int:
    """Bytes of memory a process has now."""
    return int(re.findall(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())[0]) << 10


# Running


async def _attack(server: Server, seconds: float, seed: int, report: Callable[[str], None]) -> tuple[int, int]:
    """Inputs sent and findings."""
    random, end, port = Random(seed), time.monotonic() + seconds, urlsplit(server.url).port or 0
    count, rounds, known, before = 0, 0, set[str](), 0
    while time.monotonic() < end:
        desk = await asyncio.to_thread(lambda: Desk(server.url, "shared:secret").connected())
        inputs = [hostile(desk.client_id, random) for _ in range(TOGETHER)]
        good = asyncio.to_thread(play, server.url, f"good{rounds}")
        *answers, played = await asyncio.gather(*(provoke(port, one) for one in inputs), good, return_exceptions=True)
        told = [(_what_is_wrong(answer), repr(one.parts)) for one, answer in zip(inputs, answers, strict=True)]
        told.append((None if played is None else f"the good client: {played!r}", ""))
        if rounds == 2:  # all code is loaded, all kinds of buffers are there
            before = resident(server.process.pid)
        elif before and (now := resident(server.process.pid)) > before + GROWTH:
            told.append((f"grew by {(now - before) >> 20} MB", ""))
        for wrong, given in told:
            if wrong is not None and wrong[:60] not in known:
                known.add(wrong[:60])
                report(f"inputs {count} to {count + TOGETHER} of seed {seed}: {wrong}\n  {given[:1500]}")
        count, rounds = count + TOGETHER, rounds + 1
        await asyncio.to_thread(desk.leaves)
    return count, len(known)


def _what_is_wrong(answer: bytes | BaseException) -> str | None:
    if isinstance(answer, BaseException):
        return repr(answer)
    try:
        check(answer)
    except (Finding, ValueError, zlib.error) as exc:
        return repr(exc)
    return None


def fuzz(seconds: float, seed: int, report: Callable[[str], None]) -> int:
    """Attack for some time, and report each finding; return the number of inputs."""
    with recorder("replay", PREVIEW, "--rate", "instant") as server:
        count, _ = asyncio.run(_attack(server, seconds, seed, report))
    if "Traceback" in server.stderr or server.code != 1:  # 1: there were misses
        at = max(server.stderr.find("Traceback") - 500, 0)
        report(f"ended with {server.code}; its log:\n{server.stderr[at : at + 6000]}")
    return count
