"""What mitmproxy keeps of what is over, when it records: counted in this process, with real sockets.

The proxy is the one of `recorder record`. Client and server are others' processes where they would be counted too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from mitmproxy import http, websocket

from benchmarks.proxies import CONNECTIONS, upstream_server
from recorder.capture.mitm.addon import Recorder
from recorder.capture.mitm.proxy import Running, proxy
from recorder.cassette.reader import read
from recorder.model import Response, SocketMessage


@dataclass(frozen=True, slots=True)
class Kept:
    """How many objects are left of those that passed, how many were recorded, bytes of memory early and at the end."""

    alive: int
    passed: int
    recorded: int
    memory: tuple[int, int]


async def after_exchanges(path: Path, exchanges: int) -> Kept:
    """So many exchanges, and no connection any more."""
    with upstream_server() as upstream:
        async with _recording(path, upstream.url) as running:
            await _load(running.url, exchanges // 4)
            early = _resident()
            await _load(running.url, exchanges - exchanges // 4)
            await asyncio.sleep(0)
            found = Kept(_alive(http.HTTPFlow), exchanges, 0, (early, _resident()))
    return _with_recorded(found, path, Response)


async def after_messages(path: Path, messages: int) -> Kept:
    """So many messages on one WebSocket, each of them answered, which is still open."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            await answer.send_str(message.data)
        return answer

    app = web.Application()
    app.router.add_get("/", echo)
    event = json.dumps([{"channel": "/v2/me/outbound", "data": {"referenceId": "1", "text": "x" * 500}}])
    async with TestServer(app) as server, _recording(path, f"http://127.0.0.1:{server.port}") as running:
        early = 0
        async with ClientSession() as session, session.ws_connect(running.url) as socket:
            for number in range(messages // 2):
                await socket.send_str(event)
                await socket.receive_str()
                if number == messages // 8:
                    early = _resident()
            found = Kept(_alive(websocket.WebSocketMessage), messages, 0, (early, _resident()))
    return _with_recorded(found, path, SocketMessage)


@asynccontextmanager
async def _recording(path: Path, upstream: str) -> AsyncIterator[Running]:
    recorder = Recorder(path, upstream=upstream)
    async with proxy(
        recorder, mode=f"reverse:{upstream}", host="127.0.0.1", port=0, confdir=path.with_suffix(".mitmproxy")
    ) as running:
        yield running


async def _load(url: str, exchanges: int) -> None:
    command = [sys.executable, "-m", "benchmarks.wire", "load", url, "--exchanges", str(exchanges)]
    process = await asyncio.create_subprocess_exec(
        *command, "--connections", str(CONNECTIONS), stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError("the load broke off")


def _alive(kind: type) -> int:
    gc.collect()
    return sum(type(found) is kind for found in gc.get_objects())


def _with_recorded(kept: Kept, path: Path, kind: type) -> Kept:
    recorded = sum(isinstance(record, kind) for record in read(path).records)
    return Kept(kept.alive, kept.passed, recorded, kept.memory)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
