"""Clients of the soak: some work, some die without a word, reset, half-close, send nonsense, pull what is large."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.soak_upstream import BAYEUX, LARGE
from recorder.cli.commands.demo import Heard, Sent, judge
from recorder.dialect.paths import parse_json
from recorder.model import Triple
from tests.lab.byhand import CHANNELS
from tests.wire import chained

_THINK = 0.5  # seconds between two operations of a client
_LIMIT = 30.0  # seconds for an answer, and for the events of a step
_GONE = (aiohttp.ClientError, OSError, TimeoutError, ConnectionError)

Message = dict[str, Any]


@dataclass(slots=True)
class Seen:
    """Counts of what the clients of one server have been through.

    Attributes:
        marks: Of acks and events, in the order they came.
        counts: Requests, events, sessions, what was cut off, and each kind of fault.
        told: The first of what went wrong.
    """

    marks: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def wrong(self, kind: str, text: str) -> None:
        """Take a broken promise."""
        self.counts[kind] += 1
        if len(self.told) < 20:
            self.told.append(f"{kind}: {text}")


class Desk:
    """A desktop on one jar of cookies: a Bayeux session with its polls, and operations."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._url, self._seen, self._ids, self._client_id = url, seen, 0, ""
        jar = aiohttp.CookieJar(unsafe=True)
        limit = aiohttp.ClientTimeout(total=_LIMIT)
        self.http = aiohttp.ClientSession(cookie_jar=jar, timeout=limit)
        self.heard: list[Heard] = []
        self.news = asyncio.Event()

    async def post(self, path: str, content: Any) -> tuple[int, bytes]:
        self._seen.counts["requests"] += 1
        async with self.http.post(self._url + path, json=content) as response:
            return response.status, await response.read()

    async def tell(self, channel: str, **own: Any) -> list[Message]:
        """Send one Bayeux message; take the events of the answer, and return the replies."""
        self._ids += 1
        client = {"clientId": self._client_id} if self._client_id else {}
        status, body = await self.post(BAYEUX, [{"channel": channel, "id": str(self._ids)} | client | own])
        if status != 200:
            raise aiohttp.ClientError(f"{channel}: status {status}")
        messages: list[Message] = json.loads(body)
        for message in messages:
            if "successful" not in message:
                self.heard.append(Heard(time.monotonic(), message["channel"], message["data"]))
                self._seen.counts["events"] += 1
                if isinstance(message["data"], dict) and "mark" in message["data"]:
                    self._seen.marks.append(message["data"]["mark"])
        self.news.set()
        return [message for message in messages if "successful" in message]

    async def connect(self) -> None:
        """Shake hands, and subscribe."""
        types = ["long-polling"]
        (reply,) = await self.tell("/meta/handshake", version="1.0", supportedConnectionTypes=types)
        self._client_id = reply["clientId"]
        self._seen.counts["sessions"] += 1
        for channel in CHANNELS:
            await self.tell("/meta/subscribe", subscription=channel)

    async def polls(self) -> None:
        """Poll for ever, or until the session is unknown."""
        while True:
            replies = await self.tell("/meta/connect", connectionType="long-polling")
            if not replies or not replies[-1]["successful"]:
                raise aiohttp.ClientError("the session is unknown")

    async def until(self, holds: Callable[[], bool]) -> bool:
        """Wait for a condition of what was heard; return whether it came to hold."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LIMIT):
                while not holds():
                    self.news.clear()
                    await self.news.wait()
        return holds()


async def session(url: str, seen: Seen, work: Callable[[Desk], Awaitable[None]], chance: random.Random) -> None:
    """One session of a desktop that works: it leaves with a word, or without."""
    desk = Desk(url, seen)
    tasks: list[asyncio.Future[None]] = []
    try:
        await desk.connect()
        tasks = [asyncio.ensure_future(one) for one in (desk.polls(), work(desk))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        await tasks[1]
        if chance.random() < 0.7:
            await desk.tell("/meta/disconnect")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await desk.http.close()


def operations(seen: Seen, chance: random.Random) -> Callable[[Desk], Awaitable[None]]:
    """Return the work of a desktop at the recorder: operations with ids of their own, and now and then a large page."""

    async def work(desk: Desk) -> None:
        for _ in range(chance.randint(5, 60)):
            await asyncio.sleep(chance.uniform(0, 2 * _THINK))
            ask = chained(chance.randint(1, 9999), secrets.token_hex(6))
            status, body = await desk.post(ask.target, ask.content)
            if status != 200:
                raise aiohttp.ClientError(f"status {status}")
            seen.marks.append(json.loads(body)["mark"])

    return work


def played(triples: Sequence[Triple], seen: Seen, chance: random.Random) -> Callable[[Desk], Awaitable[None]]:
    """Return the work of a desktop at the stand-in: the recorded operations under fresh ids, and a verdict on them."""

    async def work(desk: Desk) -> None:
        prefix, sent = secrets.token_hex(4), list[Sent]()
        awaited = Counter[str]()
        for place, triple in enumerate(triples):
            await asyncio.sleep(chance.uniform(0, _THINK))
            body = parse_json(triple.request.body)
            own = {"referenceId": f"{prefix}-{place}"} if "referenceId" in body else {}
            sent.append(Sent(time.monotonic(), own.get("referenceId")))
            status, answer = await desk.post(triple.request.target, body | own)
            wanted = triple.ack.status if triple.ack else 0
            if status != wanted:
                seen.wrong("refused", f"step {place + 1}: status {status}: {answer[:300]!r}")
                return
            awaited["events"] += len(triple.events)
            await desk.until(lambda: len(desk.heard) >= awaited["events"])
        verdict = judge(triples, sent, desk.heard)
        seen.counts["plays"] += 1
        if not verdict.good:
            seen.counts.update(early=verdict.early, wrong=verdict.wrong, lost=verdict.lost, strange=verdict.strange)
            seen.told.append(str(verdict))

    return work


async def working(url: str, seen: Seen, work: Callable[[Desk], Awaitable[None]], chance: random.Random) -> None:
    """Sessions one after the other, for ever; one that is cut off is followed by another a little later."""
    while True:
        try:
            await session(url, seen, work, chance)
        except _GONE as exc:
            seen.counts["cut off"] += 1
            seen.counts[f"cut off: {type(exc).__name__}"] += 1
        await asyncio.sleep(chance.uniform(0.1, 2.0))


# Clients that misbehave, on sockets by hand


async def misbehaving(url: str, seen: Seen, chance: random.Random, *, every: float) -> None:
    """One odd client after the other, for ever."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    ways = (_dies, _resets, _half_closes, _nonsense)
    while True:
        way = chance.choice(ways)
        with suppress(*_GONE, asyncio.IncompleteReadError):
            async with asyncio.timeout(_LIMIT):
                await way(host, int(port), chance)
        seen.counts[way.__name__.strip("_").replace("_", "-")] += 1
        await asyncio.sleep(chance.uniform(0, 2 * every))


async def large(url: str, seen: Seen, chance: random.Random, *, every: float) -> None:
    """Pull a large page now and then, at times only a part of it."""
    while True:
        await asyncio.sleep(chance.uniform(0, 2 * every))
        with suppress(*_GONE):
            async with aiohttp.ClientSession() as http, http.get(url + LARGE) as response:
                if chance.random() < 0.3:
                    await response.content.read(100_000)
                    continue
                seen.counts["large bytes"] += len(await response.read())
            seen.counts["large"] += 1


def _request(content: Any, path: str = BAYEUX, cookie: str = "") -> bytes:
    body = json.dumps(content).encode()
    shown = f"Cookie: {cookie}\r\n" if cookie else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{shown}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


_HANDSHAKE = {"channel": "/meta/handshake", "id": "1", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}


async def _shaken(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Return a connection on which hands were shaken, and the clientId."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(_request([_HANDSHAKE]))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r")[0]:
        raise ConnectionError("no answer from the upstream")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    (reply,) = json.loads(await reader.readexactly(int(length.split(b":")[1])))
    return reader, writer, reply["clientId"]


def _poll(client_id: str) -> bytes:
    return _request([{"channel": "/meta/connect", "id": "2", "clientId": client_id, "connectionType": "long-polling"}])


async def _dies(host: str, port: int, chance: random.Random) -> None:
    """Hold a poll, and vanish without a word."""
    _, writer, client_id = await _shaken(host, port)
    writer.write(_poll(client_id))
    await asyncio.sleep(chance.uniform(0, 1))
    writer.close()


async def _resets(host: str, port: int, chance: random.Random) -> None:
    """Reset the connection with a poll held, or in the middle of a request."""
    _, writer, client_id = await _shaken(host, port)
    sent = _poll(client_id)
    writer.write(sent[: chance.choice((20, len(sent) - 5, len(sent)))])
    await asyncio.sleep(chance.uniform(0, 0.5))
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _half_closes(host: str, port: int, chance: random.Random) -> None:
    """Say that no more will come, and read what comes."""
    reader, writer, client_id = await _shaken(host, port)
    writer.write(_poll(client_id) if chance.random() < 0.5 else _request([_HANDSHAKE]))
    writer.write_eof()
    await reader.read()
    writer.close()


async def _nonsense(host: str, port: int, chance: random.Random) -> None:
    """Send what is no request, or a strange one."""
    reader, writer = await asyncio.open_connection(host, port)
    texts = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(400),
        chance.randbytes(2000) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v2/me HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST " + BAYEUX.encode() + b' HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\n[{"a":}',
        f"GET /nothing/{chance.random()} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
        _request([{"channel": "/meta/connect", "clientId": "nobody", "connectionType": "long-polling"}]),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n",
    )
    writer.write(chance.choice(texts))
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            await reader.read(4096)
    writer.close()
